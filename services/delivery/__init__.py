"""Delivery (送达): the citizen's choice, parcels at the couriers, and what the couriers tell about them."""
