"""Templates as staff make them: drafts, checks, previews, test sends. A part of the notify room."""
