"""Where credentials come from: each module is one kind of `CredentialSource`."""
