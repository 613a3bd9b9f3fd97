"""Parcels at the couriers: choosing one, placing orders, cancelling, booking again."""
