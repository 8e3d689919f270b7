"""What External Secrets Operator has in the cluster besides its resources."""

import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence

from provider.controller.kinds import GENERATOR_GROUP, GROUP
from provider.controller.reconcile.leftover_webhooks import NAMES as WEBHOOKS
from provider.controller.watch.watched import OF_NAMESPACES
from provider.tools.preflight.differences import (
    Difference,
    Document,
    difference,
    inner,
    items_of,
    named,
    texts_of,
)
from provider.tools.resources.kinds import KINDS


def leftovers(document: Document) -> Iterator[Difference]:
    """The differences of an object that is no External Secrets resource."""
    check = _CHECKS.get(str(document.get("kind")))
    if check is not None:
        yield from check(document)


def _webhook(document: Document) -> Iterator[Difference]:
    name = named(document)[2]
    hooks = items_of(document.get("webhooks"))
    groups = {
        group
        for hook in hooks
        for rule in items_of(hook.get("rules"))
        for group in texts_of(rule.get("apiGroups"))
    }
    if name in WEBHOOKS or groups & {GROUP, GENERATOR_GROUP}:
        message = "refuses every write of External Secrets resources once the operator is stopped"
        command = _command("delete", "validatingwebhookconfiguration", name)
        remedy = f"delete it with the operator: {command}"
        yield difference(document, "differs", message, remedy)


def _crd(document: Document) -> Iterator[Difference]:
    if inner(document, "spec").get("group") in (GROUP, GENERATOR_GROUP):
        yield from _conversion(document)
        yield from _stored_versions(document)


def _conversion(document: Document) -> Iterator[Difference]:
    if inner(document, "spec", "conversion").get("strategy") == "Webhook":
        message = "is converted by a webhook of the operator: the API server refuses our CRD"
        change = {"spec": {"conversion": {"strategy": "None", "webhook": None}}}
        patch = _patch("crd", named(document)[2], change)
        remedy = f"when the operator is stopped, before our CRDs: {patch}"
        yield difference(document, "differs", message, remedy)


def _stored_versions(document: Document) -> Iterator[Difference]:
    """Versions that our CRD lacks: of an operator before 0.5, whatever is installed now."""
    spec = inner(document, "spec")
    kind = KINDS.get(str(inner(spec, "names").get("kind")))
    stored = texts_of(inner(document, "status").get("storedVersions"))
    old = [one for one in stored if kind and one not in kind.versions]
    if not old:
        return
    storage = [one.get("name") for one in items_of(spec.get("versions")) if one.get("storage")]
    message = f"may hold objects of the version {', '.join(old)}: the API server refuses our CRD"
    name, change = named(document)[2], {"status": {"storedVersions": storage}}
    again = f"{_command('get', name, '-A', '-o', 'json')} | kubectl replace -f -"
    patch = _patch("crd", name, change, "--subresource=status")
    yield difference(document, "differs", message, f"write them again: {again} && {patch}")


def _patch(kind: str, name: str, change: Document, *options: str) -> str:
    """The command that merges a change into an object."""
    text = json.dumps(change, separators=(",", ":"))
    return _command("patch", kind, name, *options, "--type=merge", "-p", text)


def _command(*words: str) -> str:
    return shlex.join(["kubectl", *words])


def _deployment(document: Document) -> Iterator[Difference]:
    if inner(document, "spec").get("replicas", 1) == 0 or not _runs_operator(document):
        return
    _, namespace, name = named(document)
    message = "runs: both controllers would work on the same objects"
    remedy = _command("-n", namespace, "scale", "deployment", name, "--replicas=0")
    yield difference(document, "differs", message, remedy)
    arguments = [text for one in _containers(document) for text in texts_of(one.get("args"))]
    for flag in arguments:
        name, _, value = flag.removeprefix("--").partition("=")
        if name == "controller-class" and value not in ("", "default"):
            yield difference(
                document, "note", f"has --{name}={value}", f"start ours with --{name}={value}"
            )
        elif name in ("template-left-delimiter", "template-right-delimiter"):
            remedy = f"start ours with --{name}={value}, and run preflight and validate with it"
            yield difference(document, "note", f"has --{name}={value}", remedy)
        elif name in _FLAGS:
            yield difference(document, "differs", f"has --{name}: {_FLAGS[name]}")


_OPERATORS = frozenset({"external-secrets", "external-secrets-webhook"})
_FLAGS: Mapping[str, str] = {
    "unsafe-allow-generic-targets": "this controller writes Secrets only",
    "enable-push-secret-reconciler": "this controller pushes no secrets",
}


def _containers(document: Document) -> Sequence[Document]:
    return items_of(inner(document, "spec", "template", "spec").get("containers"))


def _runs_operator(document: Document) -> bool:
    """Whether it is the operator's, also with an image of another name."""
    if inner(document, "metadata", "labels").get("app.kubernetes.io/name") in _OPERATORS:
        return True
    images = [str(one.get("image")) for one in _containers(document)]
    return any("external-secrets/external-secrets" in image for image in images)


def _namespace(document: Document) -> Iterator[Difference]:
    finalizers = texts_of(inner(document, "metadata").get("finalizers"))
    others = [one for one in finalizers if not one.startswith(OF_NAMESPACES)]
    if others == finalizers:
        return
    found = ", ".join(one for one in finalizers if one not in others)
    name, change = named(document)[2], {"metadata": {"finalizers": others}}
    message = f"has the finalizer {found}: without the operator it could not be deleted"
    remedy = f"when the operator is stopped: {_patch('namespace', name, change)}"
    yield difference(document, "differs", message, remedy)


_CHECKS: Mapping[str, Callable[[Document], Iterator[Difference]]] = {
    "ValidatingWebhookConfiguration": _webhook,
    "CustomResourceDefinition": _crd,
    "Deployment": _deployment,
    "Namespace": _namespace,
}
LEFTOVERS = frozenset(_CHECKS)
"""The kinds of these objects."""
