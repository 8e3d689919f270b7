"""Measures the controller: a real API server, emulated AWS, 500 ExternalSecrets."""
