"""ConfigMaps and Secrets that hold templates: which are named, and whether these compile."""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping

from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.template import TemplateSource
from provider.controller.template import TemplateError, compile_template
from provider.tools.delimiters import Delimiters
from provider.tools.preflight.differences import (
    Difference,
    Document,
    inner,
    items_of,
    metadata_of,
    of,
    spec_of,
)

_KINDS = {"ConfigMap": "configMap", "Secret": "secret"}
Texts = Mapping[tuple[str, str, str], Mapping[str, object]]
"""The data of ConfigMaps and Secrets, by kind, namespace and name."""


def template_sources(documents: Iterable[Document]) -> Mapping[tuple[str, str], set[str]]:
    """What ExternalSecrets name in `templateFrom`: names by kind and namespace."""
    found: dict[tuple[str, str], set[str]] = {}
    for document in documents:
        template = inner(inner(spec_of(document), "target"), "template")
        namespace = metadata_of(document).get("namespace")
        for one in items_of(template.get("templateFrom")):
            for kind, key in _KINDS.items():
                name = inner(one, key).get("name")
                # A name that kubectl would take for an option is no name of an object.
                if isinstance(name, str) and name[:1].isalnum() and isinstance(namespace, str):
                    found.setdefault((kind, namespace), set()).add(name)
    return found


def texts_of(documents: Iterable[Document]) -> Texts:
    """The data of all ConfigMaps and Secrets among the documents."""
    found = {}
    for document in documents:
        kind = str(document.get("kind"))
        if kind in _KINDS and document.get("apiVersion") == "v1":
            about = metadata_of(document)
            place = kind, str(about.get("namespace") or ""), str(about.get("name") or "")
            found[place] = inner(document, "data")
    return found


def check_sources(
    document: Document, spec: ExternalSecretSpec, texts: Texts, delimiters: Delimiters
) -> Iterator[Difference]:
    """The templates that do not compile, and a note for each ConfigMap or Secret not read."""
    template = spec.target.template
    namespace = str(metadata_of(document).get("namespace") or "")
    for one in template.template_from if template else ():
        for kind, source in (("ConfigMap", one.config_map), ("Secret", one.secret)):
            if source is None:
                continue
            data = texts.get((kind, namespace, source.name))
            if data is None:
                message = f"its templates in the {kind} {source.name} are not checked"
                yield of(document, "note", message, _unread(kind, source.name))
                continue
            for fault in _faults(kind, source, data, delimiters):
                yield of(document, "stops", fault)


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
            why = f"does not compile (line {_line(error)})" if kind == "Secret" else error.fault
            yield f"the template {item.key} of the {kind} {source.name}: {why}"


def _line(error: TemplateError) -> str:
    return error.place.rpartition(":")[2]
