"""`preflight`: what would behave differently under this controller, read from a cluster.

`cluster` reads through kubectl, `documents` reads the output of kubectl; `objects` and `leftovers`
compare the objects with what External Secrets Operator makes of them.
"""
