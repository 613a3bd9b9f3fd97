"""Adapters, one file a courier: vendor words become the port's words. They touch no table."""
