"""Reads Kubernetes manifests, and the SecretProviderClasses among them.

For the tools, which read the same files as `kubectl apply`. Only the structure is checked here; the
parameters of a class are parsed by `provider.csi.request`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from provider.manifests.entries import Findings, read_list
from provider.manifests.nodes import Fields, Items, Node, Scalar, kind_of
from provider.manifests.problems import InvalidSpec, printable, quote
from provider.manifests.yaml_tree import Limits, read_documents

_LIMITS = Limits(characters=4 * 1024 * 1024, depth=64, nodes=200_000)
_CLASS_GROUP = "secrets-store.csi.x-k8s.io/"
_NOTHING = Fields({}, (), 0, 0)
"""Stands for a mapping that is not there."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One Kubernetes object of any kind; only its structure is checked."""

    api_version: str
    kind: str
    name: str
    namespace: str
    """Empty if the manifest has none."""
    node: Fields
    path: str
    """Kind and name, for messages."""


@dataclass(frozen=True, slots=True)
class ClassManifest:
    """A SecretProviderClass. Line and column of a parameter are those of its value in the file."""

    name: str
    namespace: str
    provider: str
    values: dict[str, Scalar]
    path: str

    @property
    def parameters(self) -> dict[str, str]:
        """`spec.parameters` as the driver sends them."""
        return {name: value.text for name, value in self.values.items()}


def read_manifests(text: str) -> tuple[Manifest, ...]:
    """All Kubernetes objects of a YAML text, also those in a `List`; raises `InvalidSpec`."""
    findings = Findings()
    manifests = tuple(find_manifests(text, findings))
    findings.raise_if_any()
    return manifests


def find_manifests(text: str, findings: Findings) -> Iterator[Manifest]:
    """The objects of a YAML text that can be read; problems are added to `findings`."""
    try:
        for index, document in enumerate(read_documents(text, "manifest", _LIMITS)):
            yield from _objects(document, f"document[{index}]", findings)
    except InvalidSpec as invalid:
        findings.problems.extend(invalid.problems)


def read_classes(text: str, name: str | None = None) -> tuple[ClassManifest, ...]:
    """The SecretProviderClasses of a YAML text, or those of this name; raises `InvalidSpec`."""
    manifests = read_manifests(text)
    findings = Findings()
    classes = tuple(
        read_class(one, findings) for one in manifests if is_class(one) and name in (None, one.name)
    )
    findings.raise_if_any()
    return classes


def is_class(manifest: Manifest) -> bool:
    """Whether it is a SecretProviderClass."""
    group = manifest.api_version
    return manifest.kind == "SecretProviderClass" and group.startswith(_CLASS_GROUP)


def _objects(node: Node, path: str, findings: Findings) -> Iterator[Manifest]:
    if _is_null(node):
        return  # an empty document: a file may begin or end with ---
    if not isinstance(node, Fields):
        findings.error(path, f"must be a Kubernetes object, got {kind_of(node)}", node)
        return
    kind = _text(node["kind"])
    items = node["items"]
    if kind.endswith("List") and isinstance(items, Items):
        for item_path, item in read_list(items, f"{path}.items"):
            yield from _objects(item, item_path, findings)
        return
    if not kind:
        findings.error(f"{path}.kind", "is required", node)
    metadata = node["metadata"]
    if not isinstance(metadata, Fields):
        metadata = _NOTHING
    name, namespace = _text(metadata["name"]), _text(metadata["namespace"])
    called = f"{printable(kind[:64])} {quote(name)}" if name else path
    yield Manifest(_text(node["apiVersion"]), kind, name, namespace, node, called)


def read_class(manifest: Manifest, findings: Findings) -> ClassManifest:
    """The valid part of a class manifest; problems are added to `findings`."""
    spec = _mapping(manifest.node, "spec", manifest.path, findings, required=True)
    path = f"{manifest.path}: spec"
    provider = _text(spec["provider"])
    if spec is not _NOTHING and not provider:
        findings.error(f"{path}.provider", "is required", spec)
    _check_secret_objects(spec, path, findings)
    return ClassManifest(
        name=manifest.name,
        namespace=manifest.namespace,
        provider=provider,
        values=_values(_mapping(spec, "parameters", path, findings), path, findings),
        path=manifest.path,
    )


def _values(parameters: Fields, path: str, findings: Findings) -> dict[str, Scalar]:
    """The parameters. The API server accepts strings only: `usePodIdentity: true` is an error."""
    values = {}
    for again in parameters.repeated:
        findings.error(f"{path}.parameters", f"key {quote(again.text)} occurs twice", again)
    for name, field in parameters.entries.items():
        if isinstance(field.node, Scalar) and field.node.kind == "text":
            values[name] = field.node
        else:
            message = f"must be text, got {kind_of(field.node)}: quote it"
            if name == "objects" and isinstance(field.node, Items):
                message = 'must be text, got a list: write "objects: |"'
            findings.error(f"{path}.parameters.{printable(name[:64])}", message, field.node)
    return values


def _check_secret_objects(spec: Fields, path: str, findings: Findings) -> None:
    """Add a problem for each file of `secretObjects` without a name."""
    for secret_path, secret in _list(spec, "secretObjects", path, findings):
        for data_path, data in _list(secret, "data", secret_path, findings):
            name = data["objectName"]
            if not (isinstance(name, Scalar) and name.words):
                findings.error(f"{data_path}.objectName", "must be text", name or data)


def _list(owner: Fields, key: str, path: str, findings: Findings) -> Iterator[tuple[str, Fields]]:
    """The mappings of the list under `key` of `owner`, with their paths."""
    node = owner[key]
    if not isinstance(node, Items):
        if node and not _is_null(node):
            findings.error(f"{path}.{key}", f"must be a list, got {kind_of(node)}", node)
        return
    for item_path, item in read_list(node, f"{path}.{key}"):
        if isinstance(item, Fields):
            yield item_path, item
        else:
            findings.error(item_path, f"must be a mapping, got {kind_of(item)}", item)


def _mapping(
    owner: Fields, key: str, path: str, findings: Findings, *, required: bool = False
) -> Fields:
    node = owner[key]
    if isinstance(node, Fields):
        return node
    if node and not _is_null(node):
        findings.error(f"{path}.{key}", f"must be a mapping, got {kind_of(node)}", node)
    elif required:
        findings.error(f"{path}.{key}", "is required", owner)
    return _NOTHING


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.kind == "null"


def _text(node: Node | None) -> str:
    return (node.words or "") if isinstance(node, Scalar) else ""
