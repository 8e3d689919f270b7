# ruff: noqa: RUF009 - `option` makes fields, as `dataclasses.field` does
"""The options that both long-running commands have."""

from dataclasses import dataclass
from pathlib import Path

from provider.runtime import option_values
from provider.runtime.options import option

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its own token, namespace and the authorities of the API server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedOptions:
    """How the Kubernetes API is reached, what the operator allows, and the format of the log."""

    kube_api_url: str = option(
        option_values.url,
        "",
        "URL of the Kubernetes API. Default: that of the cluster of the pod.",
        group="Kubernetes",
    )
    kube_ca_file: Path = option(
        option_values.folder,
        f"{SERVICE_ACCOUNT}/ca.crt",
        "Certificate authorities of the Kubernetes API.",
        group="Kubernetes",
    )
    kube_token_file: Path = option(
        option_values.folder,
        f"{SERVICE_ACCOUNT}/token",
        "The program's own token for the Kubernetes API; read again when it changes.",
        group="Kubernetes",
    )
    allowed_regions: tuple[str, ...] | None = option(
        option_values.globs,
        "",
        "Regions that manifests may name: names and globs, separated by commas. Default: all.",
        group="Policy",
    )
    allowed_accounts: tuple[str, ...] | None = option(
        option_values.globs,
        "",
        "AWS accounts that ARNs of roles, secrets and parameters may name. Default: all.",
        group="Policy",
    )
    allowed_role_arns: tuple[str, ...] | None = option(
        option_values.globs,
        "",
        "ARNs of roles that manifests and service accounts may name, with globs. Default: all.",
        group="Policy",
    )
    policy_file: Path | None = option(
        option_values.optional_path,
        "",
        "YAML or JSON file with limits for namespaces; read again when it changes. Default: none.",
        group="Policy",
    )
    log_format: option_values.LogFormat = option(
        option_values.log_format,
        "auto",
        "`json`, `text`, or `auto`: text on a terminal, else JSON.",
        group="Operation",
    )
