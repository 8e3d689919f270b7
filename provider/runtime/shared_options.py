# ruff: noqa: RUF009 - a `Group` makes fields, as `dataclasses.field` does
"""The options that both long-running commands have."""

from dataclasses import dataclass
from pathlib import Path

from provider.runtime import option_values as values
from provider.runtime.options import Group

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its own token, namespace and the authorities of the API server."""

KUBERNETES = Group("Kubernetes")
POLICY = Group("Policy")
OPERATION = Group("Operation")


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedOptions:
    """How the Kubernetes API is reached, what the operator allows, and the format of the log."""

    kube_api_url: str = KUBERNETES(
        values.url, "", "URL of the Kubernetes API. Default: that of the cluster of the pod."
    )
    kube_ca_file: Path = KUBERNETES(
        values.folder, f"{SERVICE_ACCOUNT}/ca.crt", "Certificate authorities of the Kubernetes API."
    )
    kube_token_file: Path = KUBERNETES(
        values.folder,
        f"{SERVICE_ACCOUNT}/token",
        "The program's own token for the Kubernetes API; read again when it changes.",
    )
    allowed_regions: tuple[str, ...] | None = POLICY(
        values.globs,
        "",
        "Regions that manifests may name: names and globs, separated by commas. Default: all.",
    )
    allowed_accounts: tuple[str, ...] | None = POLICY(
        values.globs,
        "",
        "AWS accounts that ARNs of roles, secrets and parameters may name. Default: all.",
    )
    allowed_role_arns: tuple[str, ...] | None = POLICY(
        values.globs,
        "",
        "ARNs of roles that manifests and service accounts may name, with globs. Default: all.",
    )
    policy_file: Path | None = POLICY(
        values.optional_path,
        "",
        "YAML or JSON file with limits for namespaces; read again when it changes. Default: none.",
    )
    log_format: values.LogFormat = OPERATION(
        values.log_format, "auto", "`json`, `text`, or `auto`: text on a terminal, else JSON."
    )
