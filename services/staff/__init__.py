"""The staff room: who works here, with which roles and for which places, and the audit of what they did."""
