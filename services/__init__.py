"""The domain rooms: each has one door (service.py); rooms call each other only through it."""
