"""Part: getting notices to people, in batches: what is left for each, the sending, and what became of it."""
