"""The frame: settings, errors, clock, database and the other foundation that every room stands on."""
