"""Logging of the daemon: one logger, `provider`, made ready by `app`."""
