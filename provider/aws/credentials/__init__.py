"""Where credentials come from; each is an `engine.ports.CredentialSource`."""
