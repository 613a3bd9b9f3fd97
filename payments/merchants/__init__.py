"""Merchant accounts as rows: which department's money goes where, their keys, and the channels made of them."""
