"""From files to the database: read and check data/, cut the search words, write all or nothing."""
