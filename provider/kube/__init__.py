"""The Kubernetes API, as far as it is needed.

There is no client library: the smallest one costs several times the CPU of a bare request, and its
memory comes on top of aiohttp, which is there anyway (docs/decisions/0007).
"""
