"""Finding cases: lists by filters within scope, look-ups by an applicant's number, and what an export holds."""
