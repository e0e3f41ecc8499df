"""Where entries go: the contract, and one package per accounting system."""
