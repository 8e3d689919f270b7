"""`preflight`: what would behave differently under this controller, read from a cluster.

`cluster` reads through `kubectl`; `objects`, `secrets` and `leftovers` compare what is there with
what External Secrets Operator makes of it.
"""
