"""What a Secret is to hold, by the template of its ExternalSecret.

Later ones win: the values that were read (with mergePolicy Merge, or without templates), the
templates of `templateFrom` in order, those of `template.data`. Templates are written by tenants:
they run away from the event loop, within limits and until a deadline.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from time import monotonic

from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.keys import check_keys, decode_values
from provider.controller.resources.object_meta import Metadata
from provider.controller.resources.template import (
    Template,
    TemplateAs,
    TemplateFrom,
    TemplateSource,
    TemplateTarget,
    ValuesDecoding,
)
from provider.controller.scheduling.cpu_work import CpuWork, Expired
from provider.controller.target.plan import Wanted
from provider.controller.target.yaml_map import parse_yaml_map
from provider.controller.template import TemplateError, compile_template
from provider.controller.watch.named_reads import Api, RecentReads
from provider.controller.watch.secret_state import read_data
from provider.errors import InvalidRequest, KeyNotFound, ProviderError
from provider.kube.kinds import CONFIG_MAPS, SECRETS, Document, Kind
from provider.manifests.problems import quote

MOST_TEXT = 2**20
"""Bytes of all templates of one object; they are in memory while it waits for its turn."""
MOST_BYTES = 4 * 2**20
"""Of the output of all templates of one object; a Secret holds a quarter of that."""
HIDDEN = "(its key is not shown: it may be made of a secret)"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Not copied to the Secret: it would hold a manifest of another object."""


@dataclass(frozen=True, slots=True)
class Part:
    """One template that is to be rendered, and what becomes of the result."""

    target: TemplateTarget
    key: str
    """Of the result; for `KeysAndValues` a name for messages."""
    text: str | bytes = field(repr=False)
    template_as: TemplateAs = "Values"
    decoding: ValuesDecoding = "None"
    is_secret: bool = False
    """The template's own text is from a Secret: no message quotes it."""

    def is_written(self, key: str) -> bool:
        """Whether a key of the output is in the template's text, and not made of a secret."""
        return isinstance(self.text, str) and not self.is_secret and key in self.text

    def shown(self, key: str) -> str:
        """A key of the output for messages."""
        return quote(key) if self.is_written(key) else HIDDEN


class Templates:
    """Renders the templates of ExternalSecrets. `used` gets each object that holds templates."""

    def __init__(
        self,
        api: Api,
        cpu_work: CpuWork,
        *,
        delimiters: tuple[str, str] = ("{{", "}}"),
        used: Callable[[Kind, Document], object] = lambda _kind, _document: None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._reads = RecentReads(api, clock)
        self._cpu_work = cpu_work
        self._delimiters = delimiters
        self._used = used

    async def render(
        self,
        metadata: Metadata,
        spec: ExternalSecretSpec,
        values: Mapping[str, bytes],
        since: float = inf,
    ) -> Wanted:
        """What the Secret is to hold; raises ProviderError with what is wrong in the templates.

        Objects that hold templates are taken as they were at `since` (`time.monotonic`) or later.
        """
        template = spec.target.template
        if template is None:
            return without_template(metadata, values)
        parts = await self._parts(metadata.namespace, template, since)

        def render(expired: Expired) -> Wanted:
            return _rendered(template, parts, values, self._delimiters, expired)

        return await self._cpu_work.run(metadata.namespace, render)

    async def _parts(self, namespace: str, template: Template, since: float) -> list[Part]:
        parts: list[Part] = []
        size = 0
        for one in template.template_from:
            found = await self._parts_of(namespace, one, since)
            size += sum(len(part.text) for part in found)
            if size > MOST_TEXT:
                raise InvalidRequest(f"the templates have more than {MOST_TEXT} bytes together")
            parts += found
        parts += [Part("Data", key, text) for key, text in template.data.items()]
        about = template.metadata
        parts += [Part("Annotations", key, text) for key, text in about.annotations.items()]
        parts += [Part("Labels", key, text) for key, text in about.labels.items()]
        return parts

    async def _parts_of(self, namespace: str, one: TemplateFrom, since: float) -> list[Part]:
        parts: list[Part] = []
        for kind, source in ((CONFIG_MAPS, one.config_map), (SECRETS, one.secret)):
            if source:
                document = await self._reads.get(kind, namespace, source.name, since=since)
                self._used(kind, document)
                parts += _parts_from(kind, document, source, one)
        if one.literal is not None:
            decoding = one.values_decoding_strategy
            parts.append(Part(one.target, "literal", one.literal, "KeysAndValues", decoding))
        return parts


def _parts_from(
    kind: Kind, document: Document, source: TemplateSource, one: TemplateFrom
) -> Iterator[Part]:
    """The templates that an object holds under the keys of `source`."""
    is_secret = kind == SECRETS
    texts: Mapping[str, str | bytes]
    texts = read_data(document) if is_secret else document.get("data") or {}
    for item in source.items:
        if item.key not in texts:
            what = f"error in {kind.name.lower()} {source.name}: missing key {item.key}"
            raise KeyNotFound(what)
        yield Part(
            one.target,
            item.key,
            texts[item.key],
            item.template_as,
            one.values_decoding_strategy,
            is_secret=is_secret,
        )


def without_template(metadata: Metadata, values: Mapping[str, bytes]) -> Wanted:
    """The values as they are, with labels and annotations of the ExternalSecret."""
    annotations = {key: one for key, one in metadata.annotations.items() if key != LAST_APPLIED}
    return Wanted(data=values, labels=metadata.labels, annotations=annotations)


def _rendered(
    template: Template,
    parts: list[Part],
    values: Mapping[str, bytes],
    delimiters: tuple[str, str],
    expired: Expired,
) -> Wanted:
    takes_values = template.merge_policy == "Merge" or not (template.data or template.template_from)
    results: dict[TemplateTarget, dict[str, bytes]] = {
        "Data": dict(values) if takes_values else {},
        "Annotations": {},
        "Labels": {},
    }
    size = 0
    for part in parts:
        rendered = _render(part, values, delimiters, expired)
        size += sum(map(len, rendered.values()))
        if size > MOST_BYTES:
            raise InvalidRequest(f"the templates give more than {MOST_BYTES} bytes together")
        results[part.target] |= rendered
    try:
        data = check_keys(results["Data"])
    except ValueError as error:
        raise InvalidRequest(str(error)) from None
    return Wanted(
        data=data,
        labels=_texts("label", results["Labels"]),
        annotations=_texts("annotation", results["Annotations"]),
        finalizers=template.metadata.finalizers,
        type=template.type,
    )


def _render(
    part: Part, values: Mapping[str, bytes], delimiters: tuple[str, str], expired: Expired
) -> dict[str, bytes]:
    """Keys and values that one template gives."""
    doing = "parse"
    try:
        template = compile_template(part.key, part.text, delimiters=delimiters, expired=expired)
        doing = "execute"
        output = template.render(values, expired=expired)
    except TemplateError as error:
        shown = error.without_source() if part.is_secret else error
        raise shown.in_context(f"unable to {doing} template at key {part.key}") from None
    if part.template_as == "KeysAndValues":
        return _keys_and_values(part, output, expired)
    try:
        return decode_values({part.key: output}, part.decoding)
    except ValueError as error:
        raise InvalidRequest(f"template at key {part.key}: {error}") from None


def _keys_and_values(part: Part, output: bytes, expired: Expired) -> dict[str, bytes]:
    """The map that is the output of a template."""
    try:
        found = parse_yaml_map(output, expired=expired, shown=part.shown)
    except ProviderError as error:
        raise error.in_context(f"could not unmarshal template at key {part.key}") from None
    data: dict[str, bytes] = {}
    for key, value in found.items():
        try:
            if part.target == "Data":
                check_keys({key: value})
            data |= decode_values({key: value}, part.decoding)
        except ValueError as error:
            why = str(error) if part.is_written(key) else f"invalid key or value {HIDDEN}"
            raise InvalidRequest(f"template at key {part.key}: {why}") from None
    return data


def _texts(what: str, results: Mapping[str, bytes]) -> dict[str, str]:
    try:
        return {key: value.decode() for key, value in results.items()}
    except UnicodeDecodeError:
        raise InvalidRequest(f"the output of the template of a {what} is not UTF-8") from None
