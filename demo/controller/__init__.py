"""The controller before your eyes: External Secrets resources become Secrets."""
