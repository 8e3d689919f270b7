"""Targets of ExternalSecrets that this controller does not write because of their type."""

from collections.abc import Iterable, Iterator, Mapping

from provider.controller.resources.objects import ExternalSecret
from provider.controller.resources.template import MAKERS
from provider.controller.target.plan import target_name
from provider.tools.preflight.differences import Difference, Document, metadata_of, of
from provider.tools.resources.parsed import Parsed

Types = Mapping[tuple[str, str], str]
"""The types of Secrets, by namespace and name."""


def types_of(documents: Iterable[Document]) -> Types:
    """The types of all Secrets among the documents."""
    found = {}
    for document in documents:
        if document.get("kind") == "Secret" and document.get("apiVersion") == "v1":
            about = metadata_of(document)
            place = str(about.get("namespace") or ""), str(about.get("name") or "")
            found[place] = str(document.get("type") or "")
    return found


def check_target(document: Document, parsed: Parsed, types: Types) -> Iterator[Difference]:
    """The Secret of an ExternalSecret, if it exists and is of a type that is not written."""
    if not isinstance(parsed, ExternalSecret) or parsed.spec is None:
        return
    name = target_name(parsed.metadata, parsed.spec)
    found = types.get((parsed.metadata.namespace, name), "")
    if found in MAKERS and parsed.spec.target.creation_policy != "None":
        message = (
            f"its Secret {name} is not written any more: it is of type {found}, which is for "
            f"{MAKERS[found]} alone"
        )
        yield of(document, "stops", message, "set another target.name")
