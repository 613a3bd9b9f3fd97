"""JSON for the mini-programs, under /api/v1."""
