"""Explains one class: finds its pod and its role, and does a dry run of the mount."""

from collections.abc import Mapping

from provider.csi.identity import audiences_of
from provider.csi.request.model import Pod
from provider.tools.class_files import files as files_of_class
from provider.tools.ending import has_mistakes
from provider.tools.explain.calls import UNKNOWN_ROLE, counted_calls
from provider.tools.explain.dry_run import dry_run
from provider.tools.explain.report import Explained
from provider.tools.resources.lookup import Lookup
from provider.tools.validate.classes import Reviewed
from provider.tools.workloads import role_of


def explain(
    reviewed: Reviewed, files: Lookup, namespace: str, accounts: Mapping[str, str]
) -> Explained:
    """The explanation of one class.

    An empty namespace is that of the class. `accounts` are the service accounts of the pods that
    mount each class. Raises `CommandFailed` if the class has mistakes.
    """
    spec = reviewed.spec
    if spec is None:
        raise has_mistakes(reviewed.manifest.path, reviewed.source.name)
    namespace = namespace or reviewed.klass.namespace or "default"
    account = accounts.get(reviewed.name, "default")
    found = files.manifest("ServiceAccount", namespace, account)
    role = role_of(found) if found else ""
    pod = Pod(namespace=namespace, name="pod", uid="uid", service_account=account)
    ran = dry_run(spec, pod, role or UNKNOWN_ROLE)
    return Explained(
        reviewed=reviewed,
        kind=spec.identity_kind,
        audience=" or ".join(audiences_of(spec.identity_kind)),
        account=f"{namespace}/{account}",
        is_assumed=reviewed.name not in accounts,
        identity=ran.identity,
        calls=counted_calls(ran.first, ran.remount),
        files=files_of_class(spec),
    )
