"""What External Secrets Operator has in the cluster besides its resources."""

import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence

from provider.controller.finalizers import OF_NAMESPACES
from provider.controller.kinds import GENERATOR_GROUP, GROUP
from provider.controller.leftover_webhooks import NAMES as WEBHOOKS
from provider.tools.preflight.differences import (
    Difference,
    Document,
    items_of,
    metadata_of,
    of,
    spec_of,
    texts_of,
)

_SCALE = "kubectl -n {} scale deployment {} --replicas=0"


def leftovers(document: Document) -> Iterator[Difference]:
    """The differences of an object that is no External Secrets resource."""
    check = _CHECKS.get(str(document.get("kind")))
    if check is not None:
        yield from check(document)


def _webhook(document: Document) -> Iterator[Difference]:
    name = str(metadata_of(document).get("name"))
    hooks = items_of(document.get("webhooks"))
    groups = {
        group
        for hook in hooks
        for rule in items_of(hook.get("rules"))
        for group in texts_of(rule.get("apiGroups"))
    }
    if name in WEBHOOKS or groups & {GROUP, GENERATOR_GROUP}:
        message = "refuses every write of External Secrets resources once the operator is stopped"
        remedy = (
            f"delete it with the operator: kubectl delete validatingwebhookconfiguration {name}"
        )
        yield of(document, "differs", message, remedy)


def _crd(document: Document) -> Iterator[Difference]:
    spec = spec_of(document)
    conversion = spec.get("conversion")
    strategy = conversion.get("strategy") if isinstance(conversion, dict) else ""
    if spec.get("group") in (GROUP, GENERATOR_GROUP) and strategy == "Webhook":
        message = "is converted by a webhook of the operator: without it no object can be read"
        remedy = "apply deploy/crds before the operator is stopped"
        yield of(document, "differs", message, remedy)


def _deployment(document: Document) -> Iterator[Difference]:
    if spec_of(document).get("replicas", 1) == 0 or not _runs_operator(document):
        return
    metadata = metadata_of(document)
    message = "runs: both controllers would work on the same objects"
    remedy = _SCALE.format(metadata.get("namespace"), metadata.get("name"))
    yield of(document, "differs", message, remedy)
    arguments = [text for one in _containers(document) for text in texts_of(one.get("args"))]
    for flag in arguments:
        name, _, value = flag.removeprefix("--").partition("=")
        if name == "controller-class" and value not in ("", "default"):
            yield of(document, "note", f"has --{name}={value}", f"start ours with --{name}={value}")
        elif name in ("template-left-delimiter", "template-right-delimiter"):
            remedy = f"start ours with --{name}={value}, and run preflight and validate with it"
            yield of(document, "note", f"has --{name}={value}", remedy)
        elif name in _FLAGS:
            yield of(document, "differs", f"has --{name}: {_FLAGS[name]}")


_FLAGS: Mapping[str, str] = {
    "unsafe-allow-generic-targets": "this controller writes Secrets only",
    "enable-push-secret-reconciler": "this controller pushes no secrets",
}


def _containers(document: Document) -> Sequence[Document]:
    template = spec_of(document).get("template")
    pod = spec_of(template) if isinstance(template, dict) else {}
    return items_of(pod.get("containers"))


def _runs_operator(document: Document) -> bool:
    images = [str(one.get("image")) for one in _containers(document)]
    return any("external-secrets/external-secrets" in image for image in images)


def _namespace(document: Document) -> Iterator[Difference]:
    finalizers = texts_of(metadata_of(document).get("finalizers"))
    others = [one for one in finalizers if not one.startswith(OF_NAMESPACES)]
    if others == finalizers:
        return
    found = ", ".join(one for one in finalizers if one not in others)
    change = json.dumps({"metadata": {"finalizers": others}}, separators=(",", ":"))
    command = ["kubectl", "patch", "namespace", str(metadata_of(document).get("name"))]
    message = f"has the finalizer {found}: deleted, it would never go away"
    remedy = f"when the operator is stopped: {shlex.join([*command, '--type=merge', '-p', change])}"
    yield of(document, "differs", message, remedy)


_CHECKS: Mapping[str, Callable[[Document], Iterator[Difference]]] = {
    "ValidatingWebhookConfiguration": _webhook,
    "CustomResourceDefinition": _crd,
    "Deployment": _deployment,
    "Namespace": _namespace,
}
LEFTOVERS = frozenset(_CHECKS)
"""The kinds of these objects."""
