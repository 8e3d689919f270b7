"""The main work of the provider, shown on loopback: `make demo`."""
