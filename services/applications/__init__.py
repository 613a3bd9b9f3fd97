"""Applications (办件): drafts, submission, decisions and what follows them, until the case is closed."""
