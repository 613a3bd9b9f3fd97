"""Measures the product against floors on the same machine, in one run: `make bench`."""
