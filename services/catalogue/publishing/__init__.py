"""Versions of items: what changed between two, which one is published, what the consistency rules say of them."""
