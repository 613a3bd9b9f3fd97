"""SMS providers' protocols (短信), one module each, in their own words; and what a refusal of theirs means."""
