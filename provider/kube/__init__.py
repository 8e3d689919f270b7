"""The Kubernetes API, as far as it is needed.

There is no client library: the smallest one needs more memory than the rest of the daemon's code,
for a few requests a minute.
"""
