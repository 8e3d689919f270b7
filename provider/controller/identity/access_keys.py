"""AWS access keys that are kept in Kubernetes Secrets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from provider.aws.credentials.static import access_keys
from provider.aws.principals import session_key
from provider.controller.resources.keys import go_base64
from provider.controller.resources.store import SecretRefAuth
from provider.controller.watch.named_reads import NamedReads
from provider.controller.watch.named_watches import NamedObject
from provider.engine.model import Credentials
from provider.errors import InvalidRequest, KeyNotFound, ObjectNotFound, ProviderError
from provider.kube.kinds import SECRETS, Document
from provider.manifests.problems import quote
from provider.runtime.log import fields, logger

LONGEST = 8192
"""Bytes of one value. A session token usually has less than 4 KiB; AWS names no limit. Thousands of
values are kept."""
_SECRET = "could not fetch SecretAccessKey secret"  # noqa: S105 (a message)
_KEY_ID = "could not fetch accessKeyID secret"
_TOKEN = "could not fetch SessionToken secret"  # noqa: S105 (a message)


@dataclass(frozen=True, slots=True)
class FoundKeys:
    """Access keys, their Secret, and a text that differs for other keys of the Secret."""

    subject: str
    session: str
    credentials: Credentials = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Value:
    """The value of one key, and the version of its Secret."""

    text: str = field(repr=False)
    version: str


class _Part(NamedTuple):
    """What is read of one Secret: the values of these keys.

    `lists_keys`: an error lists the keys of the Secret. It is for its own namespace only, not for
    tenants who use a ClusterSecretStore.
    """

    named: NamedObject
    keys: frozenset[str]
    lists_keys: bool

    def read(self, document: Document) -> Mapping[str, _Value | ProviderError]:
        """Each value, or what is wrong with it."""
        return {key: _read_value(document, key, self) for key in self.keys}


class AccessKeys:
    """Reads access keys; one for the process."""

    def __init__(self, reads: NamedReads) -> None:
        self._reads = reads

    async def read(
        self, auth: SecretRefAuth, namespace_of: Callable[[str], str], since: float
    ) -> FoundKeys:
        """The keys that `auth` refers to; a new version of a Secret is another session.

        `namespace_of` returns the namespace for the one that a reference names. Raises
        ProviderError with External Secrets Operator's text if a value is missing.
        """
        wanted = [(auth.secret_access_key, _SECRET), (auth.access_key_id, _KEY_ID)]
        if auth.session_token is not None:
            wanted.append((auth.session_token, _TOKEN))
        places = [NamedObject(SECRETS, namespace_of(ref.namespace), ref.name) for ref, _ in wanted]
        values = []
        for (ref, context), named in zip(wanted, places, strict=True):
            keys = frozenset(
                other.key for (other, _), at in zip(wanted, places, strict=True) if at == named
            )
            part = _Part(named, keys, lists_keys=named.namespace == namespace_of(""))
            values.append(await self._value(part, ref.key, since, context))
        session = session_key(*(one.version for one in values))
        texts = [one.text for one in values]
        credentials = access_keys(texts[1], texts[0], texts[2] if len(texts) > 2 else None)
        return FoundKeys(f"{places[1].namespace}/{places[1].name}", session, credentials)

    async def _value(self, part: _Part, key: str, since: float, context: str) -> _Value:
        """The value of `key`; all keys of one Secret are read together."""
        named = part.named
        try:
            values = await self._reads.read(named, part, part.read, since=since)
        except ObjectNotFound as error:
            where = f"secret {quote(named.name)} from namespace {quote(named.namespace)}"
            raise ObjectNotFound(
                f"{context}: cannot get Kubernetes {where}: secrets {quote(named.name)} not found"
            ) from error
        except ProviderError as error:
            raise error.in_context(context) from error
        value = values[key]
        if isinstance(value, ProviderError):
            raise value.in_context(context)
        return value


def _read_value(document: Document, key: str, part: _Part) -> _Value | ProviderError:
    """The value of a key, without white space at its end, which no access key has."""
    metadata, data = document.get("metadata") or {}, document.get("data") or {}
    named = part.named
    if key not in data:
        found = _listed(data) if part.lists_keys else ""
        return KeyNotFound(f"cannot find secret data for key: {quote(key)}{found}")
    encoded = str(data[key])
    try:
        value = go_base64(encoded.encode(), url=False) if len(encoded) <= 2 * LONGEST else b""
        text = value.decode("ascii") if len(value) <= LONGEST else ""
    except ValueError:
        text = ""
    stripped = text.rstrip()
    if not stripped or not stripped.isprintable():
        return InvalidRequest(
            f"the value of key {quote(key)} in secret {quote(named.name)} of namespace "
            f"{quote(named.namespace)} is not part of an access key: it is empty, too long or not "
            "printable ASCII"
        )
    if stripped != text:
        about = fields(namespace=named.namespace, secret=named.name, key=key)
        logger.warning("white space at the end of an access key is ignored", extra=about)
    version = f"{metadata.get('uid')} {metadata.get('resourceVersion')} {key}"
    return _Value(stripped, version)


def _listed(data: Document) -> str:
    shown = ", ".join(quote(name) for name in sorted(data)[:10])
    return f" (it has {shown})" if shown else " (it has no keys)"
