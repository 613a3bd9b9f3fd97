"""Sending a day's parcels (交寄): labels, batches with their manifest, the hand-over by scan."""
