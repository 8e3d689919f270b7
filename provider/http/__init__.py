"""HTTP/1.1 as far as the daemon needs it, over sockets of its own. Knows nothing of AWS."""
