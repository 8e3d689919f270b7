"""Makes the class that delivers the same values as an ExternalSecret."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from provider.csi.request.model import ClassSpec
from provider.csi.request.parameters import parse_class
from provider.engine.model import SecretRef
from provider.manifests.problems import InvalidSpec
from provider.tools.class_files import File, files
from provider.tools.convert.commented_yaml import dump
from provider.tools.convert.entries import Extract, Reader, Value, Wanted
from provider.tools.convert.remarks import (
    Converted,
    Remark,
    Remarks,
    findings,
    problem_remarks,
    remark,
    unknown_keys,
)
from provider.tools.convert.target import secret_object
from provider.tools.resources.lookup import Lookup
from provider.tools.resources.parsed import Instance
from provider.tools.terminal import duration_text

_ROTATION = (
    "With rotation (enableSecretRotation=true), the driver updates the values every "
    "rotationPollInterval; refreshInterval was {}."
)
_SYNC = (
    "With syncSecret.enabled=true, the driver creates the Secret when the first pod mounts the "
    "class, and deletes it with the last one."
)


def convert_secret(
    source: Instance, files: Lookup, names: Mapping[str, Sequence[str]], *, use_pod_identity: bool
) -> Converted:
    """The class, and remarks on what it lacks.

    `files` has the stores; `names` are the keys of JSON secrets, by the name of the secret.
    """
    remarks = Remarks([*_losses(source)])
    wanted = Reader(source, files, names, remarks).read()
    documents = _documents(source, wanted, remarks, use_pod_identity=use_pod_identity)
    lines = {one.line for one in remarks.lost}
    remarks.lost += (one for one in problem_remarks(source.resource) if one.line not in lines)
    return Converted(source.owner, source.resource, documents, remarks)


def _documents(
    source: Instance, wanted: Wanted, remarks: Remarks, *, use_pod_identity: bool
) -> Sequence[Mapping[str, Any]]:
    if not (wanted.values or wanted.extracts):
        nothing = "no class is made of it: nothing can be converted"
        remarks.lost.append(remark(source.resource, "", nothing))
        return ()
    keys = [value.key for value in wanted.values]
    keys += [name for one in wanted.extracts for name in one.names if name not in keys]
    synced = secret_object(source, keys, remarks)
    remarks.notes.append(_ROTATION.format(duration_text(source.spec.refresh_interval)))
    remarks.notes += [_SYNC] if synced else []
    parameters = dict(wanted.parameters)
    if use_pod_identity:
        parameters["usePodIdentity"] = "true"
    parameters["objects"] = dump(list(_objects(wanted)))
    documents, doubts = _checked(source, parameters, synced)
    remarks.lost += (remark(source.resource, "", text) for text in doubts)
    return documents


def _losses(source: Instance) -> Iterator[Remark]:
    spec, always = source.spec, "with rotation, the driver always updates the values"
    yield from unknown_keys(source.resource)
    if spec.sync_windows:
        yield remark(source.resource, source.path("syncWindows"), always)
    if spec.refresh_policy != "Periodic":
        yield remark(source.resource, source.path("refreshPolicy"), always)
    elif spec.refresh_interval <= 0:
        yield remark(source.resource, source.path("refreshInterval"), always)


def _objects(wanted: Wanted) -> Iterator[Mapping[str, Any]]:
    """One object for each secret, and one more for each further file of the whole secret."""
    taken: dict[SecretRef, list[Value | Extract]] = {}
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


def _named(remote: SecretRef) -> Mapping[str, Any]:
    named = {"objectName": remote.name, "objectType": remote.store}
    if remote.version:
        named["objectVersion"] = remote.version
    if remote.label:
        named["objectVersionLabel"] = remote.label
    return named


def _whole(remote: SecretRef, value: Value) -> Mapping[str, Any]:
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


def _checked(
    source: Instance, parameters: Mapping[str, str], synced: Mapping[str, Any] | None
) -> tuple[Sequence[Mapping[str, Any]], Sequence[str]]:
    """The class, and what may keep it from being mounted; no class if the daemon refuses it."""
    try:
        spec = parse_class(parameters, default_mode=0o644, default_region=None)
    except InvalidSpec as invalid:
        faults = [f"the daemon would refuse the class: {one}" for one in invalid.problems]
        return (), faults
    document = _document(source, parameters, synced)
    return [document], [*clashes(spec), *findings(dump(document))]


def _document(
    source: Instance, parameters: Mapping[str, str], synced: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    named = {"name": source.name, "namespace": source.namespace}
    spec: dict[str, Any] = {"provider": "aws", "parameters": parameters}
    if synced is not None:
        spec["secretObjects"] = [synced]
    return {
        "apiVersion": "secrets-store.csi.x-k8s.io/v1",
        "kind": "SecretProviderClass",
        "metadata": {key: text for key, text in named.items() if text},
        "spec": spec,
    }


def clashes(spec: ClassSpec) -> Iterator[str]:
    """Files that have one name, or may have one: the mount then fails."""
    for one, other in combinations(files(spec), 2):
        if one.several is None and other.several is None:
            if one.path == other.path:
                yield f"{_called(one)} and {_called(other)} have one name: the mount fails"
        elif _may_meet(one, other):
            yield (
                f"{_called(one)} and {_called(other)} may have one name, and the mount then fails: "
                "give the keys of the secret with --keys"
            )


def _may_meet(one: File, other: File) -> bool:
    if one.several is not None and other.several is not None:
        return True
    return one.may_be(other.path) or other.may_be(one.path)


def _called(file: File) -> str:
    return f"the keys of {file.object}" if file.several else f'the file "{file.path}"'
