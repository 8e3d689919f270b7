"""AWS: its two stores and STS, over an HTTP path of our own.

No SDK client is in the daemon: credentials differ per request, and an SDK client per pod costs
milliseconds and megabytes, and importing one as much again. From botocore come the data, endpoint
rules and CA bundle; in the tests it is the oracle for everything.
"""
