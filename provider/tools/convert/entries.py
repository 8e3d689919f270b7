"""Reads `data` and `dataFrom` of an ExternalSecret: which values it needs, under which keys."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from provider.engine.model import StoreName
from provider.manifests.problems import quote
from provider.tools.convert.property_paths import NotAPath, expression
from provider.tools.convert.remarks import Part, Remark, Remarks
from provider.tools.convert.secret_stores import Store

_NUMBER = re.compile("[0-9]+")
_REF_KEYS = {
    "key",
    "property",
    "version",
    "decodingStrategy",
    "conversionStrategy",  # affects keys from AWS; those of data are written by hand
    "metadataPolicy",
}
_FIND = (
    "a class lists its secrets: write an object for each, or one of the type ssmparameterpath "
    "for parameters"
)
_ENCODINGS = {"None": "", "Base64": "base64"}

StoreOf = Callable[[Part], Store | None]
"""The store that a `secretStoreRef` names. None, after a remark, if it cannot be used."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A secret or parameter, in one version."""

    store: StoreName
    name: str
    version: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """One entry of `data`: a secret or a value from it, and its key."""

    key: str
    remote: Remote
    path: str = ""
    """JMESPath; empty for the whole secret."""
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class Extract:
    """One entry of `dataFrom`: all keys of a JSON secret. `names` is empty if they are unknown."""

    remote: Remote
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything that an ExternalSecret needs, and the parameters of its stores."""

    values: tuple[Value, ...]
    extracts: tuple[Extract, ...]
    parameters: tuple[tuple[str, str], ...]


class Reader:
    """Reads one ExternalSecret. All its stores must have the same region and role.

    `names` are the keys of JSON secrets, by the name of the secret.
    """

    def __init__(
        self, spec: Part, store_of: StoreOf, names: Mapping[str, Sequence[str]], remarks: Remarks
    ) -> None:
        self._spec = spec
        self._store_of = store_of
        self._names = names
        self._remarks = remarks
        self._first: Store | None = None

    def read(self) -> Wanted:
        """Everything that a class can deliver. The rest becomes remarks."""
        values: dict[str, Value] = {}
        places: dict[str, Part] = {}
        for entry in self._spec.parts("data"):
            value = self._value(entry)
            if value is None:
                continue
            if value.key in values:
                why = f"a later entry has the same key {quote(value.key)} and replaces it"
                self._lose(places[value.key].remark(why))
            values[value.key], places[value.key] = value, entry
        extracts = [*filter(None, map(self._extract, self._spec.parts("dataFrom")))]
        parameters = self._first.parameters if self._first else ()
        return Wanted(tuple(values.values()), tuple(_without(extracts, {*values})), parameters)

    def _value(self, entry: Part) -> Value | None:
        self._lose(*entry.unknown({"secretKey", "remoteRef", "sourceRef"}))
        if not entry.text("secretKey"):
            self._lose(entry.remark("has no secretKey"))
            return None
        ref = entry.part("remoteRef")
        store = self._store(entry.part("sourceRef"))
        remote = self._remote(ref, store) if store else None
        encoding = self._encoding(ref)
        if remote is None or encoding is None:
            return None
        try:
            path = expression(ref.text("property")) if ref.text("property") else ""
        except NotAPath as why:
            self._lose(ref.remark(str(why), "property"))
            return None
        return Value(entry.text("secretKey"), remote, path, encoding)

    def _extract(self, entry: Part) -> Extract | None:
        self._lose(*entry.unknown({"extract", "find", "rewrite", "sourceRef"}))
        if "find" in entry:
            self._lose(entry.remark(_FIND, "find"))
        if "extract" not in entry:
            if "find" not in entry:
                self._store(entry.part("sourceRef"))
            return None
        ref = entry.part("extract")
        store = self._store(entry.part("sourceRef"))
        remote = self._remote(ref, store) if store else None
        encoding = self._encoding(ref)
        if remote is None or encoding is None:
            return None
        if "property" in ref or encoding:
            key = "property" if "property" in ref else "decodingStrategy"
            self._lose(ref.remark("jsonKeys only takes top-level keys without decoding", key))
            return None
        names = tuple(self._names.get(ref.text("key"), ()))
        self._lose(*_extraction_losses(entry, ref, names))
        return Extract(remote, () if "rewrite" in entry else names)

    def _store(self, source: Part) -> Store | None:
        """The store of the entry, or that of the ExternalSecret."""
        if "generatorRef" in source:
            why = "a class has no generators"
            self._lose(source.remark(why, "generatorRef"))
            return None
        own = source.part("storeRef")
        store = self._store_of(own if "storeRef" in source else self._spec.part("secretStoreRef"))
        if store is None:
            return None
        self._first = self._first or store
        if store.parameters != self._first.parameters:
            why = f"has another region or role than {self._first.name}: it needs its own class"
            self._lose(own.remark(f"{store.name} {why}"))
            return None
        return store

    def _remote(self, ref: Part, store: Store) -> Remote | None:
        self._lose(*ref.unknown(_REF_KEYS))
        if ref.text("metadataPolicy", "None") != "None":
            self._lose(ref.remark("a class delivers values, not tags", "metadataPolicy"))
            return None
        name, version = store.prefix + ref.text("key"), ref.text("version")
        number, label = _version(store.service, version)
        return Remote(store.service, name, number, label)

    def _encoding(self, ref: Part) -> str | None:
        """`objectEncoding`; empty without decoding, None if there is no equivalent."""
        strategy = ref.text("decodingStrategy", "None")
        if strategy in _ENCODINGS:
            return _ENCODINGS[strategy]
        self._lose(
            ref.remark(f"{strategy} has no equivalent: see objectEncoding", "decodingStrategy")
        )
        return None

    def _lose(self, *remarks: Remark) -> None:
        self._remarks.lost += remarks


def _version(service: StoreName, text: str) -> tuple[str, str]:
    """`objectVersion` and `objectVersionLabel`, one of which is empty."""
    if service == "ssmparameter":
        return (text, "") if _NUMBER.fullmatch(text) else ("", text)
    if text.startswith("uuid/"):
        return text.removeprefix("uuid/"), ""
    return "", "" if text == "AWSCURRENT" else text


def _without(extracts: Sequence[Extract], taken: set[str]) -> Iterator[Extract]:
    """Each key once: `data` replaces `dataFrom`, and later entries replace earlier ones."""
    kept = []
    for one in reversed(extracts):
        names = tuple(name for name in one.names if name not in taken)
        taken |= {*names}
        if names or not one.names:
            kept.append(replace(one, names=names))
    return reversed(kept)


def _extraction_losses(entry: Part, ref: Part, names: tuple[str, ...]) -> Iterator[Remark]:
    if "rewrite" in entry:
        yield entry.remark(
            "files keep the names of the keys; rename the keys in secretObjects", "rewrite"
        )
    elif not names:
        key = ref.text("key")
        yield entry.remark(
            "the keys become files, but secretObjects must list them, and only AWS knows them: "
            f"add --keys {key}=KEY,…",
            "extract",
        )
    if ref.text("conversionStrategy", "Default") != "Default":
        yield ref.remark("the names of keys are not changed", "conversionStrategy")
