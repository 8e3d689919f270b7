"""AWS: its two stores and STS, over an HTTP path of our own.

No SDK client is in the daemon: credentials differ per request, and an SDK client per pod costs
milliseconds and megabytes. From botocore come the endpoint rules and the CA bundle; in the tests
it is the oracle for everything else.
"""
