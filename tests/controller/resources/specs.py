"""Specs as JSON, valid but for what a test gives."""

from typing import Any

Spec = dict[str, Any]

REF: Spec = {"secretKey": "auth", "remoteRef": {"key": "basic-auth"}}
GENERATORS = ("ECRAuthorizationToken", "STSSessionToken", "Password", "UUID", "ClusterGenerator")


def es(**spec: Any) -> Spec:
    """The spec of an ExternalSecret, valid but for what is given."""
    return {"secretStoreRef": {"name": "store"}, "data": [REF], **spec}


def data_from(**entry: Any) -> Spec:
    return es(dataFrom=[entry])


def store(**aws: Any) -> Spec:
    return {"provider": {"aws": {"service": "SecretsManager", "region": "eu-west-1", **aws}}}
