"""Files that people send: what they really are, made harmless, scanned, and shown through short links."""
