"""`status`: the mounts of this node, or the ExternalSecrets of the controller."""
