"""Reads External Secrets resources, and what the operator has besides, from a cluster.

Nothing is written. Of Secrets only those are read that hold templates of ExternalSecrets, and the
names and types of those of uncommon types.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from provider.controller.kinds import GENERATOR_GROUP, GROUP
from provider.controller.resources.template import MAKERS
from provider.manifests.problems import quote
from provider.tools.ending import CommandFailed
from provider.tools.preflight.differences import Document
from provider.tools.preflight.kubectl import CANNOT_READ, Cluster, failed, parse_documents, run
from provider.tools.preflight.secrets import template_sources

_MOST_CALLS = 200
"""For ConfigMaps and Secrets that hold templates: two for each namespace."""
OPERATOR = "app.kubernetes.io/name in (external-secrets,external-secrets-webhook)"
"""The label of External Secrets Operator's Deployments, as its chart sets it."""
_COMMON = ("Opaque", "kubernetes.io/tls", "kubernetes.io/dockerconfigjson")
"""Types of most Secrets, which need not be read."""
_ESSENTIAL = f"externalsecrets.{GROUP}"


def read_cluster(where: Cluster) -> tuple[list[Document], list[str]]:
    """The objects, and what could not be read, each with the reason; raises `CommandFailed`."""
    scope = [f"--namespace={where.namespace}"] if where.namespace else ["--all-namespaces"]
    kinds = _kinds(where)
    found, refusals = _objects(where, [",".join(kinds), *scope])
    for one in refusals:
        if one.startswith(_ESSENTIAL):
            raise failed(one)
    unread = list(refusals)
    for what, arguments in _others(where.namespace, kinds):
        try:
            more, refusals = _objects(where, arguments)
        except CommandFailed as failure:
            if where.namespace and "(NotFound)" in str(failure):
                raise CommandFailed(2, f"there is no namespace {quote(where.namespace)}") from None
            unread.append(_refusal(what, failure))
            continue
        found += more
        unread += [f"{what}: {one}" for one in refusals[:1]]
    types, refusals = _types(where, scope)
    return [*found, *types, *_templates(where, found)], [*unread, *refusals]


def _kinds(where: Cluster) -> list[str]:
    """The kinds of both groups that the cluster serves."""
    every, _ = run(where, ["api-resources", "--verbs=list", "--output=name"])
    found = [one for one in every.split() if one.endswith((f".{GROUP}", f".{GENERATOR_GROUP}"))]
    if _ESSENTIAL not in found:
        text = (
            "the cluster has no External Secrets resources: the CRD of ExternalSecrets is missing"
        )
        hint = "is it the right cluster? kubectl config current-context shows it, --context chooses"
        raise CommandFailed(2, text, hint)
    return found


def _others(namespace: str, crds: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """What is read besides; it may be forbidden."""
    yield "webhooks", ["validatingwebhookconfigurations"]
    yield "CRDs", ["customresourcedefinitions", *crds, "--ignore-not-found"]
    yield "deployments of the operator", ["deployments", "--all-namespaces", "-l", OPERATOR]
    yield "namespaces", ["namespaces", *([namespace] if namespace else [])]


def _types(where: Cluster, scope: Sequence[str]) -> tuple[list[Document], Sequence[str]]:
    """The Secrets of uncommon types, and why they could not be read.

    The API server makes the table that kubectl prints, so that no data is sent.
    """
    rare = ",".join(f"type!={one}" for one in _COMMON)
    arguments = ["get", "secrets", *scope, f"--field-selector={rare}", "--no-headers"]
    try:
        table, _ = run(where, arguments)
    except CommandFailed as failure:
        return [], [_refusal("types of Secrets", failure)]
    return [*_rows(table, where.namespace)], []


def _refusal(what: str, failure: CommandFailed) -> str:
    """Why a part was not read; the rest of the cluster was."""
    return f"{what}: {str(failure).removeprefix(CANNOT_READ)}"


def _rows(table: str, namespace: str) -> Iterator[Document]:
    """Secrets without data, of a table without headers; one of all namespaces names them first."""
    for line in table.splitlines():
        words = [namespace, *line.split()] if namespace else line.split()
        if len(words) > 2 and words[2] in MAKERS:
            about = {"namespace": words[0], "name": words[1]}
            yield {"apiVersion": "v1", "kind": "Secret", "metadata": about, "type": words[2]}


def _templates(where: Cluster, documents: Sequence[Document]) -> Iterator[Document]:
    """The ConfigMaps and Secrets with templates that the caller may read, by their names."""
    for (kind, namespace), names in islice(template_sources(documents).items(), _MOST_CALLS):
        arguments = [kind, *sorted(names), f"--namespace={namespace}", "--ignore-not-found"]
        try:
            found, _ = _objects(where, arguments)
        except CommandFailed:
            continue  # Each template that was not read has a note.
        yield from found


def _objects(where: Cluster, arguments: Sequence[str]) -> tuple[list[Document], Sequence[str]]:
    """The objects, and what the caller may not read of them."""
    text, refusals = run(where, ["get", *arguments, "--output=json"])
    found = parse_documents(text, "the answer of kubectl") if text.strip() else []
    return found, refusals
