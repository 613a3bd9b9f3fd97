"""What providers send: raw bytes first, answered in the provider's own form."""
