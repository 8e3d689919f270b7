"""ConfigMaps and Secrets of ExternalSecrets: whether templates compile, and the type of targets."""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping

from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.objects import ExternalSecret
from provider.controller.resources.template import MAKERS, TemplateSource
from provider.controller.target.plan import target_name
from provider.controller.template import TemplateError, compile_template
from provider.tools.arguments import Delimiters
from provider.tools.preflight.differences import (
    Difference,
    Document,
    difference,
    inner,
    items_of,
    named,
)
from provider.tools.resources.parsed import Parsed

_KINDS = {"ConfigMap": "configMap", "Secret": "secret"}
Holders = Mapping[tuple[str, str, str], Document]
"""ConfigMaps and Secrets, by kind, namespace and name."""


def template_sources(documents: Iterable[Document]) -> Mapping[tuple[str, str], set[str]]:
    """What ExternalSecrets name in `templateFrom`: names by kind and namespace."""
    found: dict[tuple[str, str], set[str]] = {}
    for document in documents:
        template = inner(document, "spec", "target", "template")
        _, namespace, _ = named(document)
        for one in items_of(template.get("templateFrom")):
            for kind, key in _KINDS.items():
                name = inner(one, key).get("name")
                # A name that kubectl would take for an option is no name of an object.
                if isinstance(name, str) and name[:1].isalnum() and namespace:
                    found.setdefault((kind, namespace), set()).add(name)
    return found


def holders_in(documents: Iterable[Document]) -> Holders:
    return {
        named(one): one
        for one in documents
        if one.get("kind") in _KINDS and one.get("apiVersion") == "v1"
    }


def check_sources(
    document: Document, spec: ExternalSecretSpec, holders: Holders, delimiters: Delimiters
) -> Iterator[Difference]:
    """The templates that do not compile, and a note for each ConfigMap or Secret not read."""
    template = spec.target.template
    _, namespace, _ = named(document)
    for one in template.template_from if template else ():
        for kind, source in (("ConfigMap", one.config_map), ("Secret", one.secret)):
            if source is None:
                continue
            holder = holders.get((kind, namespace, source.name))
            if holder is None:
                message = f"its templates in the {kind} {source.name} are not checked"
                yield difference(document, "note", message, _unread(kind, source.name))
                continue
            for fault in _faults(kind, source, inner(holder, "data"), delimiters):
                yield difference(document, "stops", fault)


def _unread(kind: str, name: str) -> str:
    return f"the {kind} was not read: it does not exist, or you may not get {kind}s {name}"


def _faults(
    kind: str, source: TemplateSource, data: Mapping[str, object], delimiters: Delimiters
) -> Iterator[str]:
    for item in source.items:
        text = data.get(item.key)
        if not isinstance(text, str):
            continue
        try:
            content = base64.b64decode(text, validate=True) if kind == "Secret" else text
            compile_template(item.key, content, delimiters=delimiters)
        except binascii.Error:
            continue
        except TemplateError as error:
            # The template itself may be the secret.
            line = error.place.rpartition(":")[2]
            why = f"does not compile (line {line})" if kind == "Secret" else error.fault
            yield f"the template {item.key} of the {kind} {source.name}: {why}"


def check_target(document: Document, parsed: Parsed, holders: Holders) -> Iterator[Difference]:
    """The Secret of an ExternalSecret, if it exists and is of a type that is not written."""
    if not isinstance(parsed, ExternalSecret) or parsed.spec is None:
        return
    name = target_name(parsed.metadata, parsed.spec)
    kind = str(holders.get(("Secret", parsed.metadata.namespace, name), {}).get("type"))
    if kind in MAKERS and parsed.spec.target.creation_policy != "None":
        message = (
            f"its Secret {name} is not written any more: it is of type {kind}, which is for "
            f"{MAKERS[kind]} alone"
        )
        yield difference(document, "stops", message, "set another target.name")
