"""ConfigMaps that hold templates: which ones are named, and whether their templates compile."""

from collections.abc import Iterable, Iterator, Mapping

from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.template import TemplateError, compile_template
from provider.tools.preflight.differences import Document, items_of, metadata_of, spec_of

Texts = Mapping[tuple[str, str], Mapping[str, object]]
"""The data of ConfigMaps, by namespace and name."""


def config_maps_of(documents: Iterable[Document]) -> Mapping[str, set[str]]:
    """The ConfigMaps that ExternalSecrets name in `templateFrom`: names by namespace."""
    found: dict[str, set[str]] = {}
    for document in documents:
        template = _inner(_inner(spec_of(document), "target"), "template")
        for one in items_of(template.get("templateFrom")):
            name = _inner(one, "configMap").get("name")
            namespace = metadata_of(document).get("namespace")
            if isinstance(name, str) and name and isinstance(namespace, str):
                found.setdefault(namespace, set()).add(name)
    return found


def texts_of_config_maps(documents: Iterable[Document]) -> Texts:
    """The data of all ConfigMaps among the documents."""
    found = {}
    for document in documents:
        if document.get("kind") == "ConfigMap":
            about = metadata_of(document)
            place = str(about.get("namespace") or ""), str(about.get("name") or "")
            found[place] = _inner(document, "data")
    return found


def faults_in(spec: ExternalSecretSpec, namespace: str, texts: Texts) -> Iterator[str]:
    """The templates in ConfigMaps that do not compile, as messages."""
    template = spec.target.template
    for one in template.template_from if template else ():
        source = one.config_map
        for item in source.items if source else ():
            name = source.name if source else ""
            text = texts.get((namespace, name), {}).get(item.key)
            if not isinstance(text, str):
                continue
            try:
                compile_template(item.key, text)
            except TemplateError as error:
                yield f"the template {item.key} of the ConfigMap {name}: {error.fault}"


def _inner(document: Document, key: str) -> Document:
    found = document.get(key)
    return found if isinstance(found, dict) else {}
