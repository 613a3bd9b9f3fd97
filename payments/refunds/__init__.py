"""Refunds (退款): asked for and decided by staff, or by the room itself for double payments; followed to the end."""
