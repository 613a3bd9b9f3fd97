"""Couriers' monthly statements (快递对账单): read, compared with our parcels, and their differences settled."""
