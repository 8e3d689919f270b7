"""`status`: the mounts of this node."""
