"""Adapters of the payment channels, one file a provider; they touch no tables."""
