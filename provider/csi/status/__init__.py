"""What is mounted on this node, for people: the status document and its socket, Events."""
