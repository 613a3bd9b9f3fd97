"""Waiting jobs, taken by a fake house that runs its room's jobs itself: in the order in which they were written."""

TAKE_JOBS = """WITH taken AS (DELETE FROM pgqueuer RETURNING id, entrypoint, payload)
    SELECT entrypoint, payload FROM taken ORDER BY id"""
