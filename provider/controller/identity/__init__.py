"""Who an ExternalSecret is to AWS: stores, their credentials, and whether they may be used."""
