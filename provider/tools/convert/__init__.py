"""`convert`: External Secrets resources to SecretProviderClasses."""
