"""Targets of ExternalSecrets that this controller does not write because of their type."""

from collections.abc import Iterable, Iterator, Mapping

from provider.controller.plan import target_name
from provider.controller.resources.objects import ExternalSecret
from provider.controller.resources.template import MAKERS
from provider.tools.preflight.differences import Difference, Document, metadata_of, of
from provider.tools.resources.parsed import Parsed

COMMON = ("Opaque", "kubernetes.io/tls", "kubernetes.io/dockerconfigjson")
"""Types of most Secrets, which need not be read."""
Types = Mapping[tuple[str, str], str]
"""The types of Secrets, by namespace and name."""


def read_table(text: str, namespace: str) -> Iterator[Document]:
    """Secrets without their data, from the table that kubectl prints without headers.

    An empty `namespace` means that the table has a column for it.
    """
    for line in text.splitlines():
        words = line.split() if not namespace else [namespace, *line.split()]
        if len(words) > 2 and words[2] in MAKERS:
            about = {"namespace": words[0], "name": words[1]}
            yield {"apiVersion": "v1", "kind": "Secret", "metadata": about, "type": words[2]}


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
