"""Figures of cases for the console's charts: what came in and what was decided, day by day."""
