"""Courier companies' and aggregators' protocols, one module or package each, in their own words."""
