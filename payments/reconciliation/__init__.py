"""Reconciliation (对账): the provider's bill of a day, our books and the fiscal list, compared three ways."""
