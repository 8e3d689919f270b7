"""AWS: the stores of secrets, credentials, and STS, over one HTTP client.

No SDK client is used: credentials differ from request to request, and an SDK client for each costs
milliseconds and megabytes. botocore is the oracle of the tests, and the ambient credentials of the
tools come from boto3.
"""
