"""Metrics, logs, the audit log, and what the last sync of each object read."""
