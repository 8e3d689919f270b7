"""The second front door: External Secrets resources become Kubernetes Secrets."""
