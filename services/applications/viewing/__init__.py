"""Looking at a case's materials page by page; one look is one entry of the audit trail, however many pages it turns."""
