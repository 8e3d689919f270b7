"""Converts ClusterExternalSecrets to the ExternalSecrets that the operator would make of them."""

from collections.abc import Iterator, Sequence

from provider.manifests.nodes import Field, Fields, Items, Scalar
from provider.tools.convert.remarks import Part, Remark

_NAMESPACES = "namespaces"
_SELECTORS = ("namespaceSelector", "namespaceSelectors")
_KNOWN = {
    "externalSecretSpec",
    "externalSecretName",
    "externalSecretMetadata",
    "refreshTime",
    _NAMESPACES,
    *_SELECTORS,
}


def external_secrets(cluster: Part) -> Iterator[Part]:
    """An ExternalSecret for each namespace that is named; without one, one without a namespace."""
    spec = cluster.part("spec")
    name = spec.text("externalSecretName") or cluster.part("metadata").text("name")
    for namespace in _namespaces(spec) or [""]:
        yield _external_secret(cluster, spec, name, namespace)


def losses(cluster: Part) -> Iterator[Remark]:
    """What cannot be converted apart from the embedded spec."""
    spec = cluster.part("spec")
    yield from spec.unknown(_KNOWN)
    for key in _SELECTORS:
        if key in spec:
            why = "the namespaces are not in the file: apply the class in each that it selects"
            yield spec.remark(why, key)


def _namespaces(spec: Part) -> Sequence[str]:
    node = spec.node[_NAMESPACES]
    items = node.nodes if isinstance(node, Items) else ()
    return list(dict.fromkeys(one.text for one in items if isinstance(one, Scalar) and one.text))


def _external_secret(cluster: Part, spec: Part, name: str, namespace: str) -> Part:
    about = spec.part("externalSecretMetadata")
    named = {"name": name, "namespace": namespace}
    metadata = {key: _text(text, cluster.node) for key, text in named.items() if text}
    metadata |= {key: about.node.entries[key] for key in about.node.entries if key not in metadata}
    embedded = spec.part("externalSecretSpec").node
    entries = {
        "metadata": Field(_key("metadata", about.node), _mapping(metadata, about.node)),
        "spec": Field(_key("spec", embedded), embedded),
    }
    whole = _mapping(entries, cluster.node)
    return Part(
        whole, "", cluster.file, f"{cluster.owner} in {namespace}" if namespace else cluster.owner
    )


def _mapping(entries: dict[str, Field], place: Fields) -> Fields:
    return Fields(entries, (), place.line, place.column, 1, 1)


def _text(text: str, place: Fields) -> Field:
    return Field(_key("", place), Scalar(text, "text", place.line, place.column))


def _key(text: str, place: Fields) -> Scalar:
    return Scalar(text, "text", place.line, place.column)
