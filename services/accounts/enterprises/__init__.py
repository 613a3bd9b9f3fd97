"""Enterprises by credit code and their legal representatives: who may file in an enterprise's name, and its archive."""
