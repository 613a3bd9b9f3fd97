"""Filing with the help of staff (帮办): a one-time code, the citizen's consent on their own phone, one item."""
