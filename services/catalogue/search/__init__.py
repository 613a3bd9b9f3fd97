"""Search: questions as people type them, the index in the database, suggestions, and the groups of an answer."""
