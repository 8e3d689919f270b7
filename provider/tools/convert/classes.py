"""Makes the class that delivers the same values as an ExternalSecret."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provider.csi.request.parameters import parse_class
from provider.manifests.kubernetes import Manifest
from provider.manifests.problems import InvalidSpec, quote
from provider.tools.convert.commented_yaml import dump
from provider.tools.convert.entries import Extract, Reader, Remote, Value, Wanted
from provider.tools.convert.mountable import clashes, findings
from provider.tools.convert.remarks import Part, Remark, Remarks
from provider.tools.convert.secret_stores import Store, read_store
from provider.tools.convert.target import Synced, read_target

VERSIONS = ("external-secrets.io/v1", "external-secrets.io/v1beta1")
_SPEC_KEYS = {
    "secretStoreRef",
    "target",
    "refreshInterval",
    "refreshPolicy",
    "data",
    "dataFrom",
}
_ROTATION = (
    "With rotation (enableSecretRotation=true), the driver updates the values every "
    "rotationPollInterval; refreshInterval was {}."
)
_SYNC = (
    "With syncSecret.enabled=true, the driver creates the Secret when the first pod mounts the "
    "class, and deletes it with the last one."
)


@dataclass(frozen=True, slots=True)
class Converted:
    """The result for one ExternalSecret. `document` is None if nothing can be delivered."""

    source: Part
    document: Mapping[str, Any] | None
    remarks: Remarks


@dataclass(frozen=True, slots=True)
class Converter:
    """Converts ExternalSecrets. `stores` are by kind, namespace and name."""

    stores: Mapping[tuple[str, str, str], Store | Remark]
    names: Mapping[str, Sequence[str]]
    """The keys of JSON secrets, by the name of the secret."""
    use_pod_identity: bool

    def convert(self, manifest: Part) -> Converted:
        """The class, and remarks on what it lacks."""
        remarks = Remarks([*_losses(manifest)])
        spec = manifest.part("spec")

        def store_of(ref: Part) -> Store | None:
            found = self._store(ref, manifest.part("metadata").text("namespace"))
            if isinstance(found, Store):
                remarks.add(found.remarks)
                return found
            if found not in remarks.lost:
                remarks.lost.append(found)
            return None

        wanted = Reader(spec, store_of, self.names, remarks).read()
        if not (wanted.values or wanted.extracts):
            remarks.lost.append(manifest.remark("nothing can be delivered: there is no class"))
            return Converted(manifest, None, remarks)
        files = [value.key for value in wanted.values]
        files += [name for one in wanted.extracts for name in one.names if name not in files]
        synced = read_target(manifest, files, remarks)
        remarks.notes.append(_ROTATION.format(spec.text("refreshInterval", "1h")))
        remarks.notes += [_SYNC] if synced else []
        parameters = dict(wanted.parameters)
        if self.use_pod_identity:
            parameters["usePodIdentity"] = "true"
        parameters["objects"] = dump(list(_objects(wanted)))
        faults = [*_faults(manifest, parameters)]
        remarks.lost += faults
        document = None if faults else _document(manifest, parameters, synced)
        if document is not None:
            remarks.lost += _doubts(manifest, parameters, document)
        return Converted(manifest, document, remarks)

    def _store(self, ref: Part, namespace: str) -> Store | Remark:
        kind, name = ref.text("kind", "SecretStore"), ref.text("name")
        if not name:
            return ref.remark("has no name of a store")
        found = [
            store
            for (its_kind, where, its_name), store in self.stores.items()
            if (its_kind, its_name) == (kind, name)
            and (not (namespace and where) or where == namespace)
        ]
        return (
            found[0] if found else ref.remark(f"{kind} {quote(name)} is not in the files: add it")
        )


def read_stores(
    manifests: Iterable[tuple[str, Manifest]],
) -> dict[tuple[str, str, str], Store | Remark]:
    """The stores among the manifests, which come with the names of their files."""
    return {
        (one.kind, _store_namespace(one), one.name): read_store(as_part(file, one))
        for file, one in manifests
        if one.kind in {"SecretStore", "ClusterSecretStore"} and one.api_version in VERSIONS
    }


def _store_namespace(store: Manifest) -> str:
    return store.namespace if store.kind == "SecretStore" else ""


def as_part(file: str, manifest: Manifest) -> Part:
    """The whole manifest as a `Part`."""
    return Part(manifest.node, "", file, manifest.path)


def _losses(manifest: Part) -> Iterator[Remark]:
    spec = manifest.part("spec")
    yield from spec.unknown(_SPEC_KEYS)
    if spec.text("refreshPolicy", "Periodic") != "Periodic":
        yield spec.remark("with rotation, the driver always updates the values", "refreshPolicy")
    elif spec.text("refreshInterval") in {"0", "0s", "0m", "0h"}:
        yield spec.remark("with rotation, the driver always updates the values", "refreshInterval")


def _objects(wanted: Wanted) -> Iterator[Mapping[str, Any]]:
    """One object for each secret, and one more for each further file of the whole secret."""
    taken: dict[Remote, list[Value | Extract]] = {}
    everything: tuple[Value | Extract, ...] = (*wanted.values, *wanted.extracts)
    for one in everything:
        taken.setdefault(one.remote, []).append(one)
    for remote, parts in taken.items():
        values = [one for one in parts if isinstance(one, Value)]
        wholes = [one for one in values if not one.path]
        first = {
            **(_whole(remote, wholes[0]) if wholes else {"omitWhole": True}),
            **_extracting([one for one in parts if isinstance(one, Extract)]),
            **_picking([one for one in values if one.path]),
        }
        for more in (first, *(_whole(remote, one) for one in wholes[1:])):
            yield {**_named(remote), **more}


def _named(remote: Remote) -> Mapping[str, Any]:
    named = {"objectName": remote.name, "objectType": remote.store}
    if remote.version:
        named["objectVersion"] = remote.version
    if remote.label:
        named["objectVersionLabel"] = remote.label
    return named


def _whole(remote: Remote, value: Value) -> Mapping[str, Any]:
    alias = {"objectAlias": value.key} if value.key != remote.name else {}
    return {**alias, **({"objectEncoding": value.encoding} if value.encoding else {})}


def _picking(values: Iterable[Value]) -> Mapping[str, Any]:
    picked = []
    for one in values:
        encoding = {"objectEncoding": one.encoding} if one.encoding else {}
        picked.append({"path": one.path, "objectAlias": one.key, **encoding})
    return {"jmesPath": picked} if picked else {}


def _extracting(extracts: Sequence[Extract]) -> Mapping[str, Any]:
    if not extracts:
        return {}
    names = list(dict.fromkeys(name for one in extracts for name in one.names))
    return {"jsonKeys": names if all(one.names for one in extracts) else "*"}


def _faults(manifest: Part, parameters: Mapping[str, str]) -> Iterator[Remark]:
    """The mistakes for which the daemon would refuse the class."""
    try:
        parse_class(parameters, default_mode=0o644, default_region=None)
    except InvalidSpec as invalid:
        for problem in invalid.problems:
            yield manifest.remark(f"the daemon would refuse the class: {problem}")


def _doubts(
    manifest: Part, parameters: Mapping[str, str], document: Mapping[str, Any]
) -> Iterator[Remark]:
    """What may keep the class from being mounted, or its Secret from being created."""
    spec = parse_class(parameters, default_mode=0o644, default_region=None)
    for text in (*clashes(spec), *findings(dump(document))):
        yield manifest.remark(text)


def _document(
    manifest: Part, parameters: Mapping[str, str], synced: Synced | None
) -> Mapping[str, Any]:
    metadata = manifest.part("metadata")
    named = {key: metadata.text(key) for key in ("name", "namespace") if metadata.text(key)}
    spec: dict[str, Any] = {"provider": "aws", "parameters": parameters}
    if synced is not None:
        spec["secretObjects"] = [_secret_object(synced)]
    return {
        "apiVersion": "secrets-store.csi.x-k8s.io/v1",
        "kind": "SecretProviderClass",
        "metadata": named,
        "spec": spec,
    }


def _secret_object(synced: Synced) -> Mapping[str, Any]:
    about = {"labels": dict(synced.labels), "annotations": dict(synced.annotations)}
    return {
        "secretName": synced.name,
        "type": synced.type,
        **{key: texts for key, texts in about.items() if texts},
        "data": [{"objectName": file, "key": key} for key, file in synced.keys.items()],
    }
