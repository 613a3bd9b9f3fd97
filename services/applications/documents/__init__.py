"""Written documents (文书) of cases: numbered with the move they belong to, drawn and sealed afterwards."""
