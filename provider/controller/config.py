# ruff: noqa: RUF009 - a `Group` makes fields, as `dataclasses.field` does
"""The options of the controller, each written once. Those of External Secrets Operator keep their
names.

The standard AWS variables (`AWS_USE_FIPS_ENDPOINT`, `AWS_ENDPOINT_URL…`, `AWS_CA_BUNDLE`,
`HTTPS_PROXY`, …) are read by the engine.
"""

from dataclasses import dataclass

from provider.runtime import option_values as values
from provider.runtime.options import Group
from provider.runtime.shared_options import KUBERNETES, OPERATION, SharedOptions

EXTERNAL_SECRETS = Group("External Secrets")
AWS = Group("AWS")

STATUS_SOCKET = "@secrets-controller-aws"
LEASE = "external-secrets-controller"
"""The Lease of External Secrets Operator, so that both never work at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(SharedOptions):
    """The controller's settings. Durations are in seconds, sizes in bytes."""

    controller_class: str = EXTERNAL_SECRETS(
        str,
        "default",
        "Stores and generators whose `spec.controller` is this, or empty, are worked on.",
    )
    namespace: str = EXTERNAL_SECRETS(
        str, "", "Work on this namespace only, with Roles instead of ClusterRoles. Default: on all."
    )
    enable_secret_store_reconciler: bool = EXTERNAL_SECRETS(
        values.boolean, "true", "Use SecretStores."
    )
    enable_cluster_store_reconciler: bool = EXTERNAL_SECRETS(
        values.boolean, "true", "Use ClusterSecretStores. Never with `--namespace`."
    )
    enable_cluster_external_secret_reconciler: bool = EXTERNAL_SECRETS(
        values.boolean, "true", "Work on ClusterExternalSecrets. Never with `--namespace`."
    )
    enable_cluster_generators: bool = EXTERNAL_SECRETS(
        values.boolean, "true", "Use ClusterGenerators. Never with `--namespace`."
    )
    enable_push_secret_reconciler: bool = EXTERNAL_SECRETS(
        values.boolean,
        "true",
        "Say on PushSecrets that they are not supported. `false`: leave them alone.",
    )
    enable_cluster_push_secret_reconciler: bool = EXTERNAL_SECRETS(
        values.boolean, "true", "The same for ClusterPushSecrets. Never with `--namespace`."
    )
    enable_flood_gate: bool = EXTERNAL_SECRETS(
        values.boolean, "true", "Read only through stores that are Ready."
    )
    store_requeue_interval: float = EXTERNAL_SECRETS(
        values.positive_duration,
        "5m",
        "Time between checks of a store that sets no `refreshInterval`.",
    )
    template_left_delimiter: str = EXTERNAL_SECRETS(str, "{{", "Left delimiter of templates.")
    template_right_delimiter: str = EXTERNAL_SECRETS(str, "}}", "Right delimiter of templates.")
    allow_node_role: bool = AWS(
        values.boolean,
        "false",
        "Stores without `auth` may use the role of the node, from the instance metadata service.",
    )
    aws_max_in_flight: int = AWS(values.count, "64", "Calls to one AWS region in flight at a time.")
    cache_max_bytes: int = AWS(
        values.size,
        "16Mi",
        "Memory for values that were read a short time ago, which ExternalSecrets share.",
    )
    concurrent: int = KUBERNETES(
        values.count,
        "32",
        "Objects that are worked on at a time; a quarter of them for one namespace at most. "
        "One of each further namespace is worked on beside them.",
    )
    client_qps: int = KUBERNETES(
        values.whole_number,
        "0",
        "Requests to the Kubernetes API a second. `0`: no limit, since the API server has its own.",
    )
    client_burst: int = KUBERNETES(
        values.count, "100", "Requests that may be sent at once, above `--client-qps`."
    )
    enable_leader_election: bool = KUBERNETES(
        values.boolean, "true", "One replica works at a time: the one that holds the Lease."
    )
    leader_election_id: str = KUBERNETES(
        values.object_name,
        LEASE,
        "Name of the Lease. Controllers with different `--controller-class` in one namespace need "
        "one each.",
    )
    lease_namespace: str = KUBERNETES(
        str, "", "Namespace of the Lease. Default: that of the pod.", env="POD_NAMESPACE"
    )
    lease_duration: float = KUBERNETES(
        values.positive_duration,
        "15s",
        "How long the Lease lasts. Its holder stops after two thirds of it without a renewal.",
    )
    pod_name: str = KUBERNETES(
        str, "", "Name of the pod, which holds the Lease. Default: the host name.", env="POD_NAME"
    )
    service_account_name: str = KUBERNETES(
        str,
        "",
        "Name of the controller's ServiceAccount, for messages.",
        env="SERVICE_ACCOUNT_NAME",
    )
    metrics_addr: tuple[str, int] | None = OPERATION(
        values.address, ":8080", "Address of /metrics over HTTP. Empty: none."
    )
    enable_extended_metric_labels: bool = OPERATION(
        values.boolean,
        "false",
        "Give metrics of objects their labels `app.kubernetes.io/name`, `instance`, `version`, "
        "`component`, `part-of` and `managed-by`.",
    )
    live_addr: tuple[str, int] | None = OPERATION(
        values.address, ":8082", "Address of /healthz and /readyz over HTTP. Empty: none."
    )
    status_socket: str = OPERATION(
        values.abstract_socket,
        STATUS_SOCKET,
        "Unix socket of the `status` command, in the abstract namespace: no file. Empty: none.",
    )
    audit_log: bool = OPERATION(
        values.boolean,
        "false",
        "Write a JSON line to stdout for each Secret that gets values: ExternalSecret, role, ARNs "
        "and versions of secrets, generators.",
    )
    loglevel: values.LogLevel = OPERATION(
        values.log_level, "info", "`debug`, `info`, `warning` or `error`."
    )

    @property
    def has_cluster_stores(self) -> bool:
        return self.enable_cluster_store_reconciler and not self.namespace

    @property
    def has_cluster_external_secrets(self) -> bool:
        return self.enable_cluster_external_secret_reconciler and not self.namespace

    @property
    def has_cluster_generators(self) -> bool:
        """Whether ClusterGenerators are used."""
        return self.enable_cluster_generators and not self.namespace

    @property
    def unused_kinds(self) -> set[str]:
        """Generators and PushSecrets that are left alone."""
        used = {
            "ClusterGenerator": self.has_cluster_generators,
            "PushSecret": self.enable_push_secret_reconciler,
            "ClusterPushSecret": self.enable_cluster_push_secret_reconciler and not self.namespace,
        }
        return {kind for kind, is_used in used.items() if not is_used}
