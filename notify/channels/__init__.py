"""Adapters of the notice channels, one file a provider; they touch no tables."""
