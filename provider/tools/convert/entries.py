"""Which values an ExternalSecret needs by `data` and `dataFrom`, and under which keys."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from provider.controller.resources.external_secret import Data, DataFrom, RemoteRef
from provider.controller.resources.store_ref import DataFromSource, DataSource, StoreRef
from provider.controller.values.remote_refs import secret_ref
from provider.engine.model import SecretRef
from provider.manifests.problems import quote
from provider.tools.convert.property_paths import NotAPath, expression
from provider.tools.convert.remarks import Remark, Remarks, remark
from provider.tools.convert.secret_stores import Store, read_store
from provider.tools.resources.lookup import Lookup
from provider.tools.resources.parsed import Instance

_FIND = (
    "a class lists its secrets: write an object for each, or one of the type ssmparameterpath "
    "for parameters"
)
_REWRITE = "files keep the names of the keys; rename the keys in secretObjects"
_UNLISTED = (
    "the keys become files, but secretObjects must list them, and only AWS knows them: "
    "add --keys {}=KEY,…"
)
_ENCODINGS = {"None": "", "Base64": "base64"}


@dataclass(frozen=True, slots=True)
class Value:
    """One entry of `data`: a secret or a value from it, and its key."""

    key: str
    remote: SecretRef
    path: str = ""
    """JMESPath; empty for the whole secret."""
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class Extract:
    """One entry of `dataFrom`: all keys of a JSON secret. `names` is empty if they are unknown."""

    remote: SecretRef
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
        self,
        instance: Instance,
        files: Lookup,
        names: Mapping[str, Sequence[str]],
        remarks: Remarks,
    ) -> None:
        self._instance = instance
        self._files = files
        self._names = names
        self._remarks = remarks
        self._first: Store | None = None
        self._stores: dict[StoreRef, Store | None] = {}

    def read(self) -> Wanted:
        """Everything that a class can deliver. The rest becomes remarks."""
        values: dict[str, Value] = {}
        places: dict[str, str] = {}
        for path, entry in self._instance.entries("data", self._instance.spec.data):
            value = self._value(entry, path)
            if value is None:
                continue
            if value.key in values:
                why = f"a later entry has the same key {quote(value.key)} and replaces it"
                self._lose(places[value.key], why)
            values[value.key], places[value.key] = value, path
        entries = self._instance.entries("dataFrom", self._instance.spec.data_from)
        extracts = [*filter(None, (self._extract(entry, path) for path, entry in entries))]
        parameters = self._first.parameters if self._first else ()
        return Wanted(tuple(values.values()), tuple(_without(extracts, {*values})), parameters)

    def _value(self, entry: Data, path: str) -> Value | None:
        ref, at = entry.remote_ref, f"{path}.remoteRef"
        found = self._remote(ref, at, self._store(entry.source_ref, path))
        if found is None:
            return None
        try:
            inner = expression(ref.property) if ref.property else ""
        except NotAPath as why:
            self._lose(f"{at}.property", str(why))
            return None
        return Value(entry.secret_key, found[0], inner, found[1])

    def _extract(self, entry: DataFrom, path: str) -> Extract | None:
        ref, at = entry.extract, f"{path}.extract"
        if entry.find:
            self._lose(f"{path}.find", _FIND)
            return None
        store = self._store(entry.source_ref, path)
        found = self._remote(ref, at, store) if ref else None
        if ref is None or found is None:
            return None
        remote, encoding = found
        if ref.property or encoding:
            key = "property" if ref.property else "decodingStrategy"
            self._lose(f"{at}.{key}", "jsonKeys only takes top-level keys without decoding")
            return None
        names = tuple(self._names.get(ref.key, ()))
        if entry.rewrite:
            self._lose(f"{path}.rewrite", _REWRITE)
        elif not names:
            self._lose(at, _UNLISTED.format(ref.key))
        if ref.conversion_strategy != "Default":
            self._lose(f"{at}.conversionStrategy", "the names of keys are not changed")
        return Extract(remote, () if entry.rewrite else names)

    def _store(self, source: DataSource | DataFromSource | None, path: str) -> Store | None:
        """The store of the entry, or that of the ExternalSecret."""
        if source and source.generator_ref:
            self._lose(f"{path}.sourceRef.generatorRef", "a class has no generators")
            return None
        own = source.store_ref if source else None
        at = f"{path}.sourceRef.storeRef" if own else self._instance.path("secretStoreRef")
        ref = own or self._instance.spec.secret_store_ref
        if ref not in self._stores:
            self._stores[ref] = self._found(ref, at)
        store = self._stores[ref]
        self._first = self._first or store
        if store and self._first and store.parameters != self._first.parameters:
            why = f"has another region or role than {self._first.name}: it needs its own class"
            self._lose(at, f"{store.name} {why}")
            return None
        return store

    def _found(self, ref: StoreRef, path: str) -> Store | None:
        if not ref.name:
            self._lose(path, "has no name of a store")
            return None
        resource = self._files.resource(ref.kind, self._instance.namespace, ref.name)
        if resource is None:
            self._lose(path, f"{ref.kind} {quote(ref.name)} is not in the files: add it")
            return None
        store = read_store(resource)
        if isinstance(store, Remark):
            self._remarks.lost.append(store)
            return None
        self._remarks.add(store.remarks)
        return store

    def _remote(
        self, ref: RemoteRef, path: str, store: Store | None
    ) -> tuple[SecretRef, str] | None:
        """The secret, and `objectEncoding`; None, with a remark, if there is no equivalent."""
        strategy = ref.decoding_strategy
        if strategy not in _ENCODINGS:
            why = f"{strategy} has no equivalent: see objectEncoding"
            self._lose(f"{path}.decodingStrategy", why)
        if ref.metadata_policy != "None":
            self._lose(f"{path}.metadataPolicy", "a class delivers values, not tags")
        if ref.null_byte_policy == "Fail":
            self._lose(f"{path}.nullBytePolicy", "a class delivers null bytes")
        if store is None or strategy not in _ENCODINGS or ref.metadata_policy != "None":
            return None
        return secret_ref(ref, store.aws), _ENCODINGS[strategy]

    def _lose(self, path: str, why: str) -> None:
        self._remarks.lost.append(remark(self._instance.resource, path, why))


def _without(extracts: Sequence[Extract], taken: set[str]) -> Iterator[Extract]:
    """Each key once: `data` replaces `dataFrom`, and later entries replace earlier ones."""
    kept = []
    for one in reversed(extracts):
        names = tuple(name for name in one.names if name not in taken)
        taken |= {*names}
        if names or not one.names:
            kept.append(replace(one, names=names))
    return reversed(kept)
