"""Package cases (一件事): one form, materials once, one submission; a case of its own for every department."""
