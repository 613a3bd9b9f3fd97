"""Tables, one file a subject. Repositories read and write them; nothing else does. No rules live here."""
