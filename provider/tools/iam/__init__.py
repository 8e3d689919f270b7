"""IAM policies that fit classes: what the daemon calls for them, and nothing more.

`needs` knows the calls, `policy` the documents, `trust` and `accounts` who may be the role, and
`terraform` and `cloudformation` other ways to write the same down.
"""
