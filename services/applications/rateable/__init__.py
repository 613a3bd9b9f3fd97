"""What may be rated: cases and packages that have ended, by whom they were handled, and that it was done."""
