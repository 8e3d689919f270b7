"""The stores that secrets are read from; each is an `engine.ports.Store`."""
