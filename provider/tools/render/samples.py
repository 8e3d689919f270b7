"""Sample values, in place of secrets and parameters in AWS, and what to do where one is missing."""

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from provider.controller.resources.external_secret import ExternalSecretSpec, RemoteRef
from provider.errors import ProviderError, SecretNotFound
from provider.manifests.nodes import Fields, Node, Scalar, kind_of
from provider.manifests.problems import InvalidSpec
from provider.manifests.yaml_tree import Limits, read_document
from provider.tools.ending import CommandFailed
from provider.tools.resources.documents import as_json
from provider.tools.sources import read_text
from provider.tools.terminal import listed

_LIMITS = Limits(characters=4 * 1024 * 1024, depth=64, nodes=200_000)
_TAGS = "#tags"


@dataclass(frozen=True, slots=True)
class Samples:
    """Values by their names in AWS; see `sample_aws.Content`."""

    values: Mapping[str, str] = field(repr=False)

    def value(self, name: str, version: str) -> str | None:
        """The value of a version, else that of the name."""
        return self.values.get(f"{name}:{version}", self.values.get(name))

    def tags(self, name: str) -> Mapping[str, str]:
        """What stands under `NAME#tags`."""
        try:
            found = json.loads(self.values.get(f"{name}{_TAGS}", "{}"))
        except ValueError:
            return {}
        if not isinstance(found, dict):
            return {}
        return {str(key): str(text) for key, text in found.items()}

    def names(self, prefix: str) -> Iterable[str]:
        """The names that begin so, without versions and tags."""
        every = (name for name in self.values if not name.endswith(_TAGS))
        return sorted(
            name for name in every if name.startswith(prefix) and not self._is_version(name)
        )

    def with_prefixes(self, prefixes: Iterable[str]) -> "Samples":
        """The same values also under their names with the prefixes of stores."""
        more = {
            prefix + name: text
            for prefix in prefixes
            for name, text in self.values.items()
            if not name.startswith(prefix)
        }
        return Samples({**more, **self.values})

    def _is_version(self, name: str) -> bool:
        return ":" in name and name.rpartition(":")[0] in self.values


def read_samples(files: Sequence[str], pairs: Iterable[tuple[str, str]]) -> Samples:
    """The values of all files and pairs; later ones win. Raises `CommandFailed`."""
    values: dict[str, str] = {}
    for file in files:
        values |= _read(file)
    return Samples({**values, **dict(pairs)})


def _read(file: str) -> dict[str, str]:
    called = "stdin" if file == "-" else file
    try:
        node = read_document(read_text(file), called, _LIMITS)
    except InvalidSpec as invalid:
        (problem,) = invalid.problems
        place = f":{problem.line}:{problem.column}" if problem.line else ""
        raise CommandFailed(2, f"{called}{place}: {problem.message}") from invalid
    if node is None:
        return {}
    if not isinstance(node, Fields):
        what = "must be a mapping of names in AWS to values"
        raise CommandFailed(2, f"{called}: {what}, got {kind_of(node)}")
    return {name: _text(one.node) for name, one in node.entries.items()}


def _text(node: Node) -> str:
    """A scalar as it is written; JSON for a mapping or list."""
    if isinstance(node, Scalar):
        return "" if node.kind == "null" else node.text
    return json.dumps(as_json(node), ensure_ascii=False, separators=(",", ":"))


MOST_NAMES = 20
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def sample_hint(cause: ProviderError, spec: ExternalSecretSpec, samples: Samples) -> str:
    """The option that adds the first missing value, and the names that the sample data has."""
    if not isinstance(cause, SecretNotFound):
        return ""
    names = [*samples.names("")]
    has = f"the sample data has {listed(names, MOST_NAMES) or 'no values'}"
    # The sample data may have the names with the prefix of the store.
    missing = (one for one in _refs(spec) if not any(name.endswith(one.key) for name in names))
    first = next(missing, None)
    if first is None:
        return has
    return f"{has}: add --set {shlex.quote(f'{first.key}={_value(first, spec)}')}"


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
