"""Adapters of the identity port, one file a platform."""
