"""`explain`: identity, calls and files of a class, found by a dry run of the engine."""
