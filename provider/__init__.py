"""Secrets Store CSI driver provider for AWS: pods get their secrets as themselves."""

__version__ = "0.1.0"
