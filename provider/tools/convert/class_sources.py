"""Where each file of a class comes from, in the words of an ExternalSecret, and what is lost."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from provider.csi.request.model import ClassSpec, KeyChoice, SecretObject, is_glob
from provider.csi.request.paths import translate
from provider.engine.model import SecretRef
from provider.tools.convert.property_paths import gjson_key, gjson_path
from provider.tools.terminal import listed
from provider.tools.validate.classes import DRIVER_MODE

Service = Literal["SecretsManager", "ParameterStore"]


@dataclass(frozen=True, slots=True)
class Remote:
    """What one file holds."""

    service: Service
    key: str
    version: str = ""
    property: str = ""
    decoding: str = ""

    def as_ref(self) -> Mapping[str, str]:
        whole = {
            "key": self.key,
            "property": self.property,
            "version": self.version,
            "decodingStrategy": self.decoding,
        }
        return {name: text for name, text in whole.items() if text}


@dataclass(frozen=True, slots=True)
class Many:
    """Files whose names only AWS knows, as an entry of `dataFrom`."""

    service: Service
    entry: Mapping[str, Any]
    prefix: str
    """`keyPrefix`, with which the names of the files begin."""

    def one(self, file: str) -> Remote:
        """The source of one of the files."""
        name = file.removeprefix(self.prefix)
        if "find" in self.entry:
            return Remote(self.service, f"{self.entry['find']['path'].rstrip('/')}/{name}")
        ref = self.entry["extract"]
        return Remote(self.service, ref["key"], ref.get("version", ""), gjson_key(name))


@dataclass(frozen=True, slots=True)
class Loss:
    """A part of an object that has no equivalent."""

    path: str
    text: str


Source = tuple[str, Remote] | Many | Loss
"""A file and where it is from, or what else an object gives."""


def sources(spec: ClassSpec) -> Iterator[Source]:
    """What every object of a class gives."""
    for obj in spec.objects:
        yield from _losses(obj)
        if obj.ref.store == "ssmparameterpath":
            yield from _of_path(obj)
        else:
            yield from _of_secret(obj)


def _losses(obj: SecretObject) -> Iterator[Loss]:
    if obj.failover not in (None, obj.ref):
        yield Loss(f"{obj.path}.failoverObject", "a store reads one region: there is no failover")
    if obj.ref.optional:
        why = "a missing secret is an error; with deletionPolicy: Merge every key may be missing"
        yield Loss(f"{obj.path}.optional", why)
    if obj.ref.store == "secretsmanager" and obj.ref.version and obj.ref.label:
        why = "version id and label together have no equivalent: the version id is taken"
        yield Loss(f"{obj.path}.objectVersionLabel", why)


def _of_secret(obj: SecretObject) -> Iterator[Source]:
    keys = obj.keys
    if obj.file is not None:
        if keys is not None and keys.format is not None:
            why = f"the format {keys.format} has no equivalent: use a template"
            yield Loss(f"{obj.path}.format", why)
        else:
            yield from _decoded(obj, obj.file, "", obj.encoding)
    for at, one in enumerate(obj.extractions):
        is_key = one.expression.compiled is None
        path = gjson_key(one.path) if is_key else gjson_path(one.path)
        if path is None:
            why = f"{one.path} has no equivalent in gjson: only keys and indices have"
            yield Loss(f"{obj.path}.jmesPath[{at}].path", why)
        else:
            yield from _decoded(obj, one.file, path, one.encoding)
    if keys is not None and keys.format is None:
        yield from _of_keys(obj, keys)


def _of_keys(obj: SecretObject, keys: KeyChoice) -> Iterator[Source]:
    for pattern in keys.patterns:
        if not is_glob(pattern):
            file = translate(keys.prefix + pattern, keys.separator)
            yield from _decoded(obj, file, gjson_key(pattern), None)
        elif pattern == "*":
            remote = _remote(obj.ref)
            extract: dict[str, Any] = {"extract": remote.as_ref()}
            if keys.prefix:
                prefixed = {"source": "^", "target": keys.prefix.replace("$", "$$")}
                extract["rewrite"] = [{"regexp": prefixed}, _UNDERSCORES]
            yield Many(remote.service, extract, keys.prefix)
        else:
            why = f"the glob {pattern} has no equivalent: name the keys"
            yield Loss(f"{obj.path}.jsonKeys", why)


_UNDERSCORES = {"regexp": {"source": "[^-._a-zA-Z0-9]", "target": "_"}}


def _of_path(obj: SecretObject) -> Iterator[Source]:
    path, keys = obj.ref.name.rstrip("/"), obj.keys
    if keys is not None and keys.format is not None:
        yield Loss(f"{obj.path}.format", f"the format {keys.format} has no equivalent")
        return
    level = "" if obj.ref.recursive else "[^/]+$"
    prefix = keys.prefix if keys else ""
    named = f"^{re.escape(path)}/"
    shortened = {"source": named, "target": prefix.replace("$", "$$")}
    find = {"path": obj.ref.name, "name": {"regexp": named + level}}
    rewrite = [{"regexp": shortened}, _UNDERSCORES]
    yield Many("ParameterStore", {"find": find, "rewrite": rewrite}, prefix)
    if keys is not None and keys.patterns not in ((), ("*",)):
        why = "only some parameters are chosen: all below the path are found"
        yield Loss(f"{obj.path}.jsonKeys", why)


def _decoded(obj: SecretObject, file: str, path: str, encoding: str | None) -> Iterator[Source]:
    if encoding not in (None, "base64"):
        yield Loss(f"{obj.path}.objectEncoding", f"{encoding} has no equivalent")
        return
    decoding = "Base64" if encoding else ""
    yield file, replace(_remote(obj.ref), property=path, decoding=decoding)


def _remote(ref: SecretRef) -> Remote:
    if ref.store == "secretsmanager":
        version = f"uuid/{ref.version}" if ref.version else ref.label or ""
        return Remote("SecretsManager", ref.name, version)
    return Remote("ParameterStore", ref.name, ref.version or ref.label or "")


_READABLE = (
    "The values were files of one pod. Now they are a Secret, which everybody with rights on "
    "Secrets of the namespace can read."
)
_INTERVAL = "The driver updated the values every rotationPollInterval; the controller every hour."
_MODES = (
    "filePermission is left out: set defaultMode, or the mode of each item, of the volume that "
    "mounts the Secret."
)
_DURATION = (
    "assumeRoleDurationSeconds is left out: the sessions of the controller last an hour, and it "
    "renews them."
)
_ADDRESS = "preferredAddressType is left out: a store does not ask the EKS Pod Identity agent."
_MOST_NAMES = 10


def notes(
    spec: ClassSpec, files: Sequence[str], keys: Sequence[str], used: Collection[str] | None
) -> Iterator[str]:
    """Sentences about modes, names and files, and about parameters that are left out.

    `keys` are those of the `files`; `used` are the files that secretObjects names, or None where
    the class has none.
    """
    yield _READABLE
    yield _INTERVAL
    modes = {
        mode for one in spec.objects for mode in (one.mode, *(x.mode for x in one.extractions))
    }
    if modes - {DRIVER_MODE}:
        yield _MODES
    if spec.assume_role is not None and spec.assume_role.duration is not None:
        yield _DURATION
    if spec.address_type != "auto":
        yield _ADDRESS
    if used is not None:
        left = [one for one in files if one not in used]
        if left:
            names = listed(left, _MOST_NAMES)
            yield f"Files that secretObjects does not name are in no Secret: {names}."
        return
    renamed = [f"{file} is {key}" for file, key in zip(files, keys, strict=True) if file != key]
    if renamed:
        names = listed(renamed, _MOST_NAMES)
        yield f"Names of files that no key of a Secret can have are changed: {names}."
