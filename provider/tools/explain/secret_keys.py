"""The keys of the Secret of an ExternalSecret, as far as they are known without AWS."""

from collections.abc import Iterator
from dataclasses import dataclass

from provider.controller.resources.external_secret import DataFrom, ExternalSecretSpec, RemoteRef
from provider.controller.resources.generators import PasswordSpec
from provider.controller.resources.store_ref import GeneratorRef
from provider.controller.resources.template import Template, TemplateFrom
from provider.manifests.problems import quote
from provider.tools.resources.lookup import Lookup

_GENERATED = {
    "ECRAuthorizationToken": ("username", "password", "proxy_endpoint", "expires_at"),
    "STSSessionToken": ("access_key_id", "secret_access_key", "session_token", "expiration"),
    "UUID": ("uuid",),
}


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key, or with `several` a description of keys that only AWS or a template knows."""

    name: str
    source: str
    several: bool = False


def secret_keys(spec: ExternalSecretSpec, files: Lookup, namespace: str) -> list[SecretKey]:
    """All keys; where one occurs twice, the last one counts."""
    template = spec.target.template
    values = [*_values(spec, files, namespace)]
    if template is None or not (template.data or template.template_from):
        return _once(values)
    taken = values if template.merge_policy == "Merge" else []
    return _once([*taken, *_of_template(template)])


def _once(keys: list[SecretKey]) -> list[SecretKey]:
    return [*{(one.name, one.several and one.source): one for one in keys}.values()]


def _values(spec: ExternalSecretSpec, files: Lookup, namespace: str) -> Iterator[SecretKey]:
    for index, entry in enumerate(spec.data_from):
        for one in _of_entry(entry, files, namespace):
            path = f"dataFrom[{index}]: {one.source}"
            renamed = ", renamed by rewrite" if entry.rewrite else ""
            yield SecretKey(one.name, f"{path}{renamed}", one.several or bool(entry.rewrite))
    for index, value in enumerate(spec.data):
        yield SecretKey(value.secret_key, f"data[{index}]: {_described(value.remote_ref)}")


def _of_entry(entry: DataFrom, files: Lookup, namespace: str) -> Iterator[SecretKey]:
    generator = entry.generator_ref
    if entry.find:
        name = f" name {entry.find.name.regexp}" if entry.find.name else ""
        path = f" path {entry.find.path}" if entry.find.path else ""
        tags = "".join(f" {key}={text}" for key, text in (entry.find.tags or {}).items())
        yield SecretKey("(each secret that fits)", f"find{name}{path}{tags}", several=True)
    elif entry.extract:
        described = _described(entry.extract)
        yield SecretKey("(each key of the JSON)", f"extract {described}", several=True)
    elif generator:
        for key in _generated(generator, files, namespace):
            yield SecretKey(key, f"{generator.kind} {generator.name}")


def _generated(ref: GeneratorRef, files: Lookup, namespace: str) -> tuple[str, ...]:
    found = files.generator(ref.kind, namespace, ref.name)
    spec = found.spec if found else None
    if isinstance(spec, PasswordSpec):
        return spec.secret_keys or ("password",)
    kind = found.kind if found else ref.kind
    return _GENERATED.get(kind, ("password",))


def _described(ref: RemoteRef) -> str:
    what = "the tags of " if ref.metadata_policy == "Fetch" else ""
    version = f" in version {ref.version}" if ref.version else ""
    inner = f"property {ref.property} of " if ref.property else ""
    decoded = f", decoded by {ref.decoding_strategy}" if ref.decoding_strategy != "None" else ""
    return f"{inner}{what}{quote(ref.key)}{version}{decoded}"


def _of_template(template: Template) -> Iterator[SecretKey]:
    for index, one in enumerate(template.template_from):
        if one.target == "Data":
            yield from _of_template_from(one, f"templateFrom[{index}]")
    for key in template.data:
        yield SecretKey(key, "template.data")


def _of_template_from(one: TemplateFrom, path: str) -> Iterator[SecretKey]:
    several = "(keys that the template makes)"
    for kind, source in (("ConfigMap", one.config_map), ("Secret", one.secret)):
        for item in source.items if source else ():
            whole = f"{path}: {kind} {source.name if source else ''} key {item.key}"
            is_one = item.template_as == "Values"
            yield SecretKey(item.key if is_one else several, whole, several=not is_one)
    if one.literal is not None:
        yield SecretKey(several, f"{path}: literal", several=True)
