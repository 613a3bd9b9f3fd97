"""What was paid, by whom and where: a payer's own history, a cashier's day, and its single lines."""
