# ruff: noqa: RUF009 - `option` makes fields, as `dataclasses.field` does
"""The options of the controller, each written once. Those of External Secrets Operator keep their
names.

The standard AWS variables (`AWS_USE_FIPS_ENDPOINT`, `AWS_ENDPOINT_URL…`, `AWS_CA_BUNDLE`,
`HTTPS_PROXY`, …) are read by the engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from provider.runtime import option_values
from provider.runtime.options import option, options_of, parsed
from provider.runtime.shared_options import SharedOptions

STATUS_SOCKET = "@secrets-controller-aws"
LEASE = "external-secrets-controller"
"""That of External Secrets Operator, so that both never work at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(SharedOptions):
    """The controller's settings. Durations are in seconds, sizes in bytes."""

    controller_class: str = option(
        str,
        "default",
        "Stores and generators whose `spec.controller` is this, or empty, are worked on.",
        group="External Secrets",
    )
    namespace: str = option(
        str,
        "",
        "Work on this namespace only, with Roles instead of ClusterRoles. Default: on all.",
        group="External Secrets",
    )
    enable_cluster_store_reconciler: bool = option(
        option_values.boolean,
        "true",
        "Use ClusterSecretStores. Never with `--namespace`.",
        group="External Secrets",
    )
    enable_cluster_external_secret_reconciler: bool = option(
        option_values.boolean,
        "true",
        "Work on ClusterExternalSecrets. Never with `--namespace`.",
        group="External Secrets",
    )
    enable_flood_gate: bool = option(
        option_values.boolean,
        "true",
        "Read through stores only that are Ready.",
        group="External Secrets",
    )
    store_requeue_interval: float = option(
        option_values.positive_duration,
        "5m",
        "Time between checks of a store that sets no `refreshInterval`.",
        group="External Secrets",
    )
    template_left_delimiter: str = option(
        str, "{{", "Left delimiter of templates.", group="External Secrets"
    )
    template_right_delimiter: str = option(
        str, "}}", "Right delimiter of templates.", group="External Secrets"
    )
    allow_node_role: bool = option(
        option_values.boolean,
        "false",
        "Stores without `auth` may use the role of the node, from the instance metadata service.",
        group="AWS",
    )
    aws_max_in_flight: int = option(
        option_values.count, "64", "Calls to one AWS region in flight at a time.", group="AWS"
    )
    cache_max_bytes: int = option(
        option_values.size,
        "16Mi",
        "Memory for values that were read a short time ago, which ExternalSecrets share.",
        group="AWS",
    )
    concurrent: int = option(
        option_values.count,
        "32",
        "Objects that are worked on at a time; a quarter of them for one namespace at most.",
        group="Kubernetes",
    )
    client_qps: int = option(
        option_values.whole_number,
        "0",
        "Requests to the Kubernetes API a second. `0`: no limit, since the API server has its own.",
        group="Kubernetes",
    )
    client_burst: int = option(
        option_values.count,
        "100",
        "Requests that may be sent at once, above `--client-qps`.",
        group="Kubernetes",
    )
    enable_leader_election: bool = option(
        option_values.boolean,
        "true",
        "Of several replicas one works: the one that holds the Lease.",
        group="Kubernetes",
    )
    leader_election_id: str = option(
        option_values.object_name,
        LEASE,
        "Name of the Lease. Controllers with different `--controller-class` in one namespace need "
        "one each.",
        group="Kubernetes",
    )
    lease_namespace: str = option(
        str,
        "",
        "Namespace of the Lease. Default: that of the pod.",
        group="Kubernetes",
        env="POD_NAMESPACE",
    )
    lease_duration: float = option(
        option_values.positive_duration,
        "15s",
        "How long the Lease lasts. Its holder stops after two thirds of it without a renewal.",
        group="Kubernetes",
    )
    pod_name: str = option(
        str,
        "",
        "Name of the pod, which holds the Lease. Default: the host name.",
        group="Kubernetes",
        env="POD_NAME",
    )
    service_account_name: str = option(
        str,
        "",
        "Name of the controller's ServiceAccount, for messages.",
        group="Kubernetes",
        env="SERVICE_ACCOUNT_NAME",
    )
    metrics_addr: tuple[str, int] | None = option(
        option_values.address,
        ":8080",
        "Address of /metrics over HTTP. Empty: none.",
        group="Operation",
    )
    live_addr: tuple[str, int] | None = option(
        option_values.address,
        ":8082",
        "Address of /healthz and /readyz over HTTP. Empty: none.",
        group="Operation",
    )
    status_socket: str = option(
        option_values.abstract_socket,
        STATUS_SOCKET,
        "Unix socket of the `status` command, in the abstract namespace: no file. Empty: none.",
        group="Operation",
    )
    audit_log: bool = option(
        option_values.boolean,
        "false",
        "Write a JSON line to stdout for each Secret that gets values: ExternalSecret, role, ARNs "
        "and versions of secrets.",
        group="Operation",
    )
    loglevel: option_values.LogLevel = option(
        option_values.log_level, "info", "`debug`, `info`, `warning` or `error`.", group="Operation"
    )

    @property
    def has_cluster_stores(self) -> bool:
        """Whether ClusterSecretStores are used."""
        return self.enable_cluster_store_reconciler and not self.namespace

    @property
    def has_cluster_external_secrets(self) -> bool:
        """Whether ClusterExternalSecrets are worked on."""
        return self.enable_cluster_external_secret_reconciler and not self.namespace


OPTIONS = options_of(Config)
"""Every option by the name of its field."""


def configure(given: Mapping[str, str], environ: Mapping[str, str]) -> Config:
    """The `Config` of texts by field name and of the environment; raises `ConfigError`."""
    return Config(**dict(parsed(OPTIONS, given, environ)))
