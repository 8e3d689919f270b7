"""The keys of the Secret of an ExternalSecret, as far as they are known without AWS."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from provider.controller.resources.external_secret import DataFrom, ExternalSecretSpec, RemoteRef
from provider.controller.resources.store_ref import GeneratorRef
from provider.controller.resources.template import Template, TemplateFrom
from provider.manifests.problems import quote

Generated = Mapping[GeneratorRef, Sequence[str]]
"""The keys that each generator makes."""


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key, or with `several` a description of keys that only AWS or a template knows."""

    name: str
    source: str
    several: bool = False


def secret_keys(spec: ExternalSecretSpec, generated: Generated) -> list[SecretKey]:
    """All keys; where one occurs twice, the last one counts."""
    template = spec.target.template
    values = [*_values(spec, generated)]
    if template is None or not (template.data or template.template_from):
        return _once(values)
    taken = values if template.merge_policy == "Merge" else []
    return _once([*taken, *_of_template(template)])


def _once(keys: list[SecretKey]) -> list[SecretKey]:
    return [*{(one.name, one.several and one.source): one for one in keys}.values()]


def _values(spec: ExternalSecretSpec, generated: Generated) -> Iterator[SecretKey]:
    for index, entry in enumerate(spec.data_from):
        for one in _of_entry(entry, generated):
            path = f"dataFrom[{index}]: {one.source}"
            renamed = ", renamed by rewrite" if entry.rewrite else ""
            yield SecretKey(one.name, f"{path}{renamed}", one.several or bool(entry.rewrite))
    for index, value in enumerate(spec.data):
        yield SecretKey(value.secret_key, f"data[{index}]: {_described(value.remote_ref)}")


def _of_entry(entry: DataFrom, generated: Generated) -> Iterator[SecretKey]:
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
        for key in generated.get(generator, ()):
            yield SecretKey(key, f"{generator.kind} {generator.name}")


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
