"""`convert`: External Secrets resources to SecretProviderClasses, and classes to them."""
