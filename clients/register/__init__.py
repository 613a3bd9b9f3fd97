"""Client of the business register (市场主体登记), in the words of our own profile: docs/providers/register.md."""
