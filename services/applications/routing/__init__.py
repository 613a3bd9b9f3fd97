"""Who has which case: queues, claims, assignments, and handing a case to another division's body."""
