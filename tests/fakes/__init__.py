"""Full implementations of ports for tests; the contract suites run over them as over the real adapters."""
