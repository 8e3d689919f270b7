"""Converts a `remoteRef` to a ref of the engine."""

from provider.controller.resources.external_secret import RemoteRef
from provider.controller.resources.store import AwsProvider
from provider.engine.model import SecretRef

_CURRENT = "AWSCURRENT"
_VERSION_ID = "uuid/"


def secret_ref(ref: RemoteRef, aws: AwsProvider) -> SecretRef:
    """The secret or parameter, or with `metadataPolicy: Fetch` its tags.

    Entries that mean the same value give equal refs, however they are written.
    """
    name = aws.prefix + ref.key
    if aws.service == "ParameterStore":
        return _parameter(name, ref)
    if ref.metadata_policy == "Fetch":
        return SecretRef("secretsmanagertags", name)
    if ref.version.startswith(_VERSION_ID):
        return SecretRef("secretsmanager", name, version=ref.version.removeprefix(_VERSION_ID))
    stage = ref.version if ref.version != _CURRENT else ""
    return SecretRef("secretsmanager", name, label=stage or None)


def _parameter(name: str, ref: RemoteRef) -> SecretRef:
    """A parameter; its version or label may also stand behind its name, after a colon."""
    name, selector = _split(name)
    if ref.metadata_policy == "Fetch":
        return SecretRef("ssmparametertags", name)
    selector = ref.version or selector
    if selector.isascii() and selector.isdecimal():
        return SecretRef("ssmparameter", name, version=selector)
    return SecretRef("ssmparameter", name, label=selector or None)


def _split(name: str) -> tuple[str, str]:
    """A name or ARN of a parameter, and the selector behind it."""
    if not name.startswith("arn:"):
        name, _, selector = name.partition(":")
        return name, selector
    head, slash, rest = name.partition(":parameter")
    rest, _, selector = rest.partition(":")
    return head + slash + rest, selector
