# ruff: noqa: RUF009 - a `Group` makes fields, as `dataclasses.field` does
"""The options of the daemon, each written once.

A field of `Config` is an option, as `runtime.options` says.

The standard AWS variables (`AWS_USE_FIPS_ENDPOINT`, `AWS_ENDPOINT_URL…`, `AWS_CA_BUNDLE`,
`HTTPS_PROXY`, …) are read by the engine.
"""

from dataclasses import dataclass
from pathlib import Path

from provider.aws.regions import RULE, is_region
from provider.runtime import option_values as values
from provider.runtime.options import ConfigError, Group
from provider.runtime.shared_options import KUBERNETES, OPERATION, SharedOptions

DRIVER = Group("Driver")
AWS = Group("AWS and EKS")
LIMITS = Group("Limits")


def region_or_none(text: str) -> str | None:
    """The name of an AWS region; None for an empty text."""
    if text and not is_region(text):
        raise ValueError(f"expected {RULE}")
    return text or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(SharedOptions):
    """The daemon's settings. Durations are in seconds, sizes in bytes."""

    provider_volume: Path = DRIVER(
        values.folder,
        "/var/run/secrets-store-csi-providers",
        "Folder shared with the driver, for the socket.",
    )
    socket_name: str = DRIVER(
        values.file_name,
        "aws.sock",
        "Name of the socket. The driver looks for `<provider of the class>.sock`.",
    )
    driver_writes_secrets: bool = DRIVER(
        values.boolean,
        "true",
        "The driver writes the files. `false`: the provider writes them itself, and needs the "
        "kubelet's folder mounted.",
    )
    kubelet_path: Path = DRIVER(
        values.folder,
        "/var/lib/kubelet",
        "The kubelet's folder, if it is mounted. Only volumes in its `pods` are written to.",
    )
    rotation_poll_interval: float = DRIVER(
        values.duration,
        "2m",
        "How long a value counts as current after it was found current; within this time a remount "
        "makes no call. `0s`: every remount asks AWS.",
    )
    region: str | None = AWS(
        region_or_none,
        "",
        "Region of classes that name none. Default: the region in the label of the node.",
        env="AWS_REGION",
    )
    pod_identity_http_timeout: float | None = AWS(
        values.optional_duration,
        "",
        "Time for one request to the EKS Pod Identity agent, such as `1s`. Default: 1s to "
        "connect, 10s in total.",
    )
    pod_identity_ipv4_endpoint: str = AWS(
        values.url,
        "http://169.254.170.23/v1/credentials",
        "URL of the agent over IPv4; for runs outside of a cluster.",
    )
    pod_identity_ipv6_endpoint: str = AWS(
        values.url,
        "http://[fd00:ec2::23]/v1/credentials",
        "URL of the agent over IPv6; for runs outside of a cluster.",
    )
    eks_addon_version: str = AWS(
        str,
        "",
        "Version of the EKS add-on that installs this daemon; sent to AWS in the user agent.",
    )
    node_name: str = KUBERNETES(
        str,
        "",
        "Name of the node. Default: `spec.nodeName` of the pod that is mounted.",
        env="NODE_NAME",
    )
    events: bool = KUBERNETES(
        values.boolean,
        "false",
        "Write a Kubernetes Event on the pod when a mount or a rotation fails; the driver hides "
        "the latter. Needs the verbs create and patch on events.",
    )
    rotated_events: bool = KUBERNETES(
        values.boolean,
        "false",
        "With `--events`: write an Event also for a rotation that delivers new versions.",
    )
    qps: int = KUBERNETES(
        values.whole_number,
        "5",
        "Accepted for compatibility, without effect: look-ups are cached and shared, so they need "
        "no throttling.",
    )
    burst: int = KUBERNETES(values.whole_number, "10", "Accepted for compatibility, as `--qps`.")
    mount_timeout: float = LIMITS(
        values.positive_duration,
        "100s",
        "Time for one mount, with the time in the queue. The kubelet gives up after about 120s.",
    )
    mount_workers: int = LIMITS(
        values.count,
        "32",
        "Mounts of one service account that are worked on at a time; more wait, and do not delay "
        "those of other service accounts.",
    )
    max_waiting_mounts: int = LIMITS(
        values.count,
        "2000",
        "Mounts that are accepted at a time, waiting or worked on; more fail at once. One "
        "namespace can use half of them.",
    )
    aws_max_in_flight: int = LIMITS(
        values.count, "64", "Calls to one AWS region in flight at a time."
    )
    cache_max_bytes: int = LIMITS(
        values.size,
        "16Mi",
        "Memory for the values delivered last, from which unchanged remounts are answered. "
        "`0`: none.",
    )
    max_response_bytes: int = LIMITS(
        values.size,
        "4Mi",
        "Largest response that the driver accepts (its `--max-call-recv-msg-size`).",
    )
    drain_timeout: float = LIMITS(
        values.duration,
        "25s",
        "Time for mounts to finish after SIGTERM; the rest is answered with an error. Keep it 5s "
        "below the pod's `terminationGracePeriodSeconds`.",
    )
    metrics_address: tuple[str, int] | None = OPERATION(
        values.address, ":8989", "Address of /metrics, /healthz and /readyz over HTTP. Empty: none."
    )
    metrics_namespaces: tuple[str, ...] | None = OPERATION(
        values.globs,
        "",
        "Namespaces, with globs, that metrics of mounts name in the label `namespace`; all others "
        "are `other`. Default: there is no such label.",
    )
    audit_log: bool = OPERATION(
        values.boolean,
        "false",
        "Write a JSON line to stdout for each delivery: pod, role, ARNs and versions of secrets.",
    )
    log_level: values.LogLevel = OPERATION(
        values.log_level, "info", "`debug`, `info`, `warning` or `error`."
    )

    def __post_init__(self) -> None:
        if self.rotated_events and not self.events:
            raise ConfigError("--rotated-events: has no effect without --events")

    @property
    def socket_path(self) -> Path:
        return self.provider_volume / self.socket_name

    @property
    def status_path(self) -> Path:
        """The socket for the `status` command. No provider of a class has such a name."""
        return self.provider_volume / f".{self.socket_name.removesuffix('.sock')}-status"
