"""Refunds (退款): asked for and decided by staff, or by the room itself for money that came twice; followed to their end."""
