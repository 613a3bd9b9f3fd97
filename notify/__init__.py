"""Room: telling people. Templates, permissions, notices and their delivery. Knows no service room and not payments."""
