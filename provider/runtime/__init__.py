"""The process: log, metrics, HTTP client and server, signals, bounded caches.

Nothing here knows of secrets.
"""
