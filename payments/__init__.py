"""Room: bills, channel orders, callbacks, refunds, ledger. Knows no service room and not the notices."""
