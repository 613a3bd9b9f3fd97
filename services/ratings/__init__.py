"""Ratings (好差评): one a closed case, public in sums only, low ones followed up by the clock."""
