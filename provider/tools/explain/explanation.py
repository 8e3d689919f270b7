"""Explains one class: finds its pod and its role, and does a dry run of the mount."""

from collections.abc import Sequence

from provider.csi.identity import audiences_of
from provider.csi.request.model import Pod
from provider.manifests.kubernetes import Manifest
from provider.tools.class_files import files
from provider.tools.ending import CommandFailed
from provider.tools.explain.dry_run import dry_run
from provider.tools.explain.report import Explained
from provider.tools.validate.classes import Reviewed
from provider.tools.workloads import classes_of, pods, role_of, text

_UNKNOWN_ROLE = "<eks.amazonaws.com/role-arn>"


def explain(
    reviewed: Reviewed, manifests: Sequence[Manifest], namespace: str, service_account: str
) -> Explained:
    """The explanation of one class, mounted by a pod of the service account.

    An empty namespace is that of the class, an empty service account that of a pod in `manifests`.
    Raises `CommandFailed` if the class has mistakes.
    """
    spec = reviewed.spec
    if spec is None:
        hint = f"secrets-provider-aws validate {reviewed.source.name}"
        raise CommandFailed(1, f"{reviewed.manifest.path} has mistakes", hint)
    namespace = namespace or reviewed.klass.namespace or "default"
    account = service_account or _account(reviewed.name, manifests) or "default"
    role = _role(account, reviewed.klass.namespace, manifests)
    pod = Pod(namespace=namespace, name="pod", uid="uid", service_account=account)
    return Explained(
        reviewed=reviewed,
        kind=spec.identity_kind,
        audience=" or ".join(audiences_of(spec.identity_kind)),
        dry_run=dry_run(spec, pod, role or _UNKNOWN_ROLE),
        files=files(spec),
    )


def _account(name: str, manifests: Sequence[Manifest]) -> str:
    """The service account of the first pod that mounts the class; empty without one."""
    found = (
        text(pod["serviceAccountName"])
        for manifest in manifests
        for _, pod in pods(manifest.node)
        if name in classes_of(pod)
    )
    return next(found, "")


def _role(account: str, namespace: str, manifests: Sequence[Manifest]) -> str:
    """The role of the service account; empty if the manifests do not name it."""
    for one in manifests:
        if one.kind == "ServiceAccount" and one.name == account and one.namespace == namespace:
            return role_of(one)
    return ""
