"""External Secrets resources, parsed once: frozen values, every mistake with its path.

`external_secret`, `store`, `cluster_external_secret` and `generators` hold the tables of keys: the
fields say type, default, limits and meaning of each key. `reading` parses by them, `objects`
reads whole objects, `rules` checks what concerns several keys, and `scripts/crds.py` generates
`deploy/crds` from them. `hashes`, `keys` and `refresh` are pure rules of the controller.
"""
