"""Manifests of the External Secrets Operator as SecretProviderClasses.

`part` reads manifests with their places, `stores`, `wanted` and `target` what the operator makes of
them, `property` its paths into JSON, `classes` and `written` the class that does the same.
"""
