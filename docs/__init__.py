"""Documentation. Pages and blocks that repeat the code are made by `python -m docs.generate`."""
