"""Custody (证照流转): each physical document as a piece with one holder, and how it came to them."""
