"""Cases that are filed for others: lists for agents and representatives, and the parties of a case for staff."""
