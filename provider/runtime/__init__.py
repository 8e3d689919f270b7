"""The process: log, metrics, HTTP client and server, signals, bounded caches. It knows nothing of secrets."""
