"""The Kubernetes API, as far as the daemon needs it: three kinds of objects, read one at a time.

No client library: the smallest of them costs more memory than all the rest of the daemon's own
code, and the daemon makes a handful of requests a minute.
"""
