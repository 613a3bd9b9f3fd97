"""The demonstration: citizens' phones and a member of staff, played over HTTP. Imports nothing of the house."""
