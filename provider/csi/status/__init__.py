"""What is mounted on this node: the registry of volumes, the status document, Kubernetes Events."""
