"""JSON and pages for staff of service centres and departments."""
