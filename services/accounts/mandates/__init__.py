"""Mandates (授权委托): a person or an enterprise lets an agent act, for some items and some time."""
