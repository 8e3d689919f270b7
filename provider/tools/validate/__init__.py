"""`validate`: check classes without a cluster and without AWS.

`classes` parses, the `…checks`, `modes`, `names`, `parameters`, `synced_secrets` and `workloads`
modules add what works but causes trouble, `findings` names every rule.
"""
