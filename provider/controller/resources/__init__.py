"""External Secrets resources, parsed once: frozen values, every mistake with its path.

The classes of `external_secret`, `store`, `cluster_external_secret` and `generators` are the tables
of keys: their annotations and `key(…)` say type, meaning, default and limits of each. `reading`
parses by them, and `scripts/crds.py` generates `deploy/crds` from them. `read` reads whole objects.
"""
