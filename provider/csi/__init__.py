"""Front door 1: a provider for the Secrets Store CSI driver, which calls `Mount` for volumes."""
