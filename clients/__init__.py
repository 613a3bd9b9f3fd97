"""Vendor protocols in vendor words, one package a vendor over one transport; only adapters call them."""
