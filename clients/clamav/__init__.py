"""The ClamAV daemon (clamd)."""
