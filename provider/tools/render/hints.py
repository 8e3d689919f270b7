"""What to do where nothing is rendered: the values that the sample data lacks."""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import islice

from provider.controller.resources.external_secret import ExternalSecretSpec, RemoteRef
from provider.errors import ProviderError, SecretNotFound
from provider.tools.render.samples import Samples

_MOST_NAMES = 20
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def sample_hint(cause: ProviderError, spec: ExternalSecretSpec, samples: Samples) -> str:
    """The option that adds the first missing value, and the names that the sample data has."""
    if not isinstance(cause, SecretNotFound):
        return ""
    names = [*samples.names("")]
    has = f"the sample data has {listed(names) or 'no values'}"
    # The sample data may have the names with the prefix of the store.
    missing = (one for one in _refs(spec) if not any(name.endswith(one.key) for name in names))
    first = next(missing, None)
    if first is None:
        return has
    return f"{has}: add --set {shlex.quote(f'{first.key}={_value(first, spec)}')}"


def listed(names: Sequence[str]) -> str:
    """The first names of many, for a message."""
    more = " and more" if len(names) > _MOST_NAMES else ""
    return ", ".join(islice(names, _MOST_NAMES)) + more


def _refs(spec: ExternalSecretSpec) -> Iterator[RemoteRef]:
    yield from (one.remote_ref for one in spec.data)
    yield from (one.extract for one in spec.data_from if one.extract)


def _value(ref: RemoteRef, spec: ExternalSecretSpec) -> str:
    """An example of a value: JSON with the keys that are read from it."""
    properties = [one.property for one in _refs(spec) if one.key == ref.key and one.property]
    is_extracted = any(one.extract and one.extract.key == ref.key for one in spec.data_from)
    if not all(map(_PLAIN.fullmatch, properties)):
        return "VALUE"
    if properties or is_extracted:
        keys = dict.fromkeys(properties or ["KEY"], "VALUE")
        return json.dumps(keys, separators=(",", ":"))
    return "VALUE"
