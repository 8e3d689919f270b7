"""`validate`: check manifests without a cluster and without AWS.

`classes` parses SecretProviderClasses; the modules `class_checks`, `names`, `synced_secrets` and
`workloads` add what works but causes trouble. `resource_…` modules do the same for External Secrets
resources. `findings` names every rule.
"""
