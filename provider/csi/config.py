# ruff: noqa: RUF009 - `option` makes fields, as `dataclasses.field` does
"""Everything that can be set, each option written once.

A field of `Config` is an option: its name is the flag (`rotation_poll_interval` is
`--rotation-poll-interval`), and its metadata is what `--help` and the README's table say. Parsing
the command line is `cli`'s, the values' syntax is `syntax`'s.

The standard AWS variables (`AWS_USE_FIPS_ENDPOINT`, `AWS_ENDPOINT_URL…`, `AWS_CA_BUNDLE`,
`HTTPS_PROXY`, …) are no options of ours: whoever talks to AWS reads them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, cast

from provider import syntax

T = TypeVar("T")

Group = Literal["Driver", "AWS and EKS", "Kubernetes", "Limits", "Operation"]

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class ConfigError(Exception):
    """An option has a wrong value; the message is one line for whoever set it."""


@dataclass(frozen=True, slots=True)
class Option(Generic[T]):
    """What there is to say about one option. `default` is text, as one would write it."""

    parse: Callable[[str], T]
    default: str
    text: str
    group: Group
    env: str = ""
    """Environment variable that counts where the flag is not given."""


def option(parse: Callable[[str], T], default: str, text: str, *, group: Group, env: str = "") -> T:
    """A field of `Config`."""
    about = Option(parse, default, text, group, env)
    made: T = field(default=parse(default), metadata={"option": about})
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The daemon's settings, made once. Durations are seconds, sizes bytes."""

    provider_volume: Path = option(
        syntax.folder,
        "/var/run/secrets-store-csi-providers",
        "Folder shared with the driver; the socket is made in it.",
        group="Driver",
    )
    socket_name: str = option(
        syntax.file_name,
        "aws.sock",
        "Name of the socket. The driver looks for `<provider of the class>.sock`.",
        group="Driver",
    )
    driver_writes_secrets: bool = option(
        syntax.boolean,
        "true",
        "The driver writes the files that it is given. `false`: the provider writes them itself, "
        "for which it needs the kubelet's folder mounted.",
        group="Driver",
    )
    kubelet_path: Path = option(
        syntax.folder,
        "/var/lib/kubelet",
        "The kubelet's folder, if it is mounted. Only what lies in its `pods` is written to.",
        group="Driver",
    )
    rotation_poll_interval: float = option(
        syntax.duration,
        "2m",
        "How long a value that was found current is taken to be current; within it a remount "
        "costs no call. `0s`: every remount asks.",
        group="Driver",
    )
    region: str | None = option(
        syntax.region,
        "",
        "Region of classes that name none. Default: the node's own, by its label.",
        group="AWS and EKS",
        env="AWS_REGION",
    )
    pod_identity_http_timeout: float | None = option(
        syntax.optional_duration,
        "",
        "Time for one request to the EKS Pod Identity agent, such as `1s`. Default: a built-in "
        "short one.",
        group="AWS and EKS",
    )
    pod_identity_ipv4_endpoint: str = option(
        syntax.url,
        "http://169.254.170.23/v1/credentials",
        "The agent's IPv4 address; for runs outside a cluster.",
        group="AWS and EKS",
    )
    pod_identity_ipv6_endpoint: str = option(
        syntax.url,
        "http://[fd00:ec2::23]/v1/credentials",
        "The agent's IPv6 address; for runs outside a cluster.",
        group="AWS and EKS",
    )
    eks_addon_version: str = option(
        str,
        "",
        "Version of the EKS add-on that brought this daemon; told to AWS in the user agent.",
        group="AWS and EKS",
    )
    node_name: str = option(
        str,
        "",
        "The node's name. Default: the pod's own `spec.nodeName`.",
        group="Kubernetes",
        env="NODE_NAME",
    )
    kube_api_url: str = option(
        syntax.url,
        "",
        "The Kubernetes API. Default: that of the cluster the daemon runs in.",
        group="Kubernetes",
    )
    kube_ca_file: Path = option(
        syntax.folder,
        f"{SERVICE_ACCOUNT}/ca.crt",
        "Certificates that the Kubernetes API's certificate is checked by.",
        group="Kubernetes",
    )
    kube_token_file: Path = option(
        syntax.folder,
        f"{SERVICE_ACCOUNT}/token",
        "The daemon's own token for the Kubernetes API; read again when it changes.",
        group="Kubernetes",
    )
    events: bool = option(
        syntax.boolean,
        "false",
        "Tell on the pod, as a Kubernetes Event, when a rotation fails; the driver does not. Needs "
        "the verbs create and patch on events.",
        group="Kubernetes",
    )
    rotated_events: bool = option(
        syntax.boolean,
        "false",
        "With `--events`: tell when a rotation went well, too, with the new versions.",
        group="Kubernetes",
    )
    qps: int = option(
        syntax.whole_number,
        "5",
        "Accepted for compatibility, without effect: look-ups are cached and never made twice "
        "at a time, so nothing needs throttling.",
        group="Kubernetes",
    )
    burst: int = option(
        syntax.whole_number, "10", "Accepted for compatibility, as `--qps`.", group="Kubernetes"
    )
    mount_timeout: float = option(
        syntax.positive_duration,
        "100s",
        "Time for one mount, waiting included. Kubernetes gives up after about 120s.",
        group="Limits",
    )
    mount_workers: int = option(
        syntax.count, "32", "Mounts that are worked on at a time; more wait.", group="Limits"
    )
    max_waiting_mounts: int = option(
        syntax.count, "2000", "Mounts that may wait; more are refused at once.", group="Limits"
    )
    aws_max_in_flight: int = option(
        syntax.count, "64", "Calls to AWS that are under way at a time.", group="Limits"
    )
    cache_max_bytes: int = option(
        syntax.size,
        "16Mi",
        "Memory for the values last delivered, from which unchanged remounts are answered. "
        "`0`: none.",
        group="Limits",
    )
    max_response_bytes: int = option(
        syntax.size,
        "4Mi",
        "Most that the driver accepts in one answer (its `--max-call-recv-msg-size`).",
        group="Limits",
    )
    drain_timeout: float = option(
        syntax.duration,
        "25s",
        "Time for mounts under way to finish on SIGTERM; keep it below the pod's "
        "`terminationGracePeriodSeconds`.",
        group="Limits",
    )
    allowed_uids: frozenset[int] | None = option(
        syntax.user_ids,
        "0",
        "Users that may call the sockets beside the daemon's own, by commas; `any`: whomever the "
        "sockets' mode (0600) lets in.",
        group="Operation",
    )
    metrics_address: tuple[str, int] | None = option(
        syntax.address,
        ":8989",
        "Where /metrics, /healthz and /readyz are served over HTTP. Empty: nowhere.",
        group="Operation",
    )
    log_level: syntax.LogLevel = option(
        syntax.log_level, "info", "`debug`, `info`, `warning` or `error`.", group="Operation"
    )
    log_format: syntax.LogFormat = option(
        syntax.log_format,
        "auto",
        "`json`, `text`, or `auto`: text on a terminal, else JSON.",
        group="Operation",
    )

    @property
    def socket_path(self) -> Path:
        """Where the driver finds the daemon."""
        return self.provider_volume / self.socket_name

    @property
    def status_path(self) -> Path:
        """Where `status` finds the daemon. No provider of a class is called so: it has a dot."""
        return self.provider_volume / f".{self.socket_name.removesuffix('.sock')}-status"


OPTIONS: Mapping[str, Option[Any]] = {
    one.name: cast("Option[Any]", one.metadata["option"]) for one in fields(Config)
}
"""Every option by the name of its field."""


def flag(name: str) -> str:
    """The flag of a field: `log_level` is `--log-level`."""
    return "--" + name.replace("_", "-")


def configure(given: Mapping[str, str], environ: Mapping[str, str]) -> Config:
    """A `Config` of texts by field name, from the command line, and of the environment."""
    return Config(**dict(_parsed(given, environ)))


def _parsed(given: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for name, about in OPTIONS.items():
        if name in given:
            place, text = flag(name), given[name]
        elif about.env and about.env in environ:
            place, text = about.env, environ[about.env]
        else:
            continue
        try:
            yield name, about.parse(text)
        except ValueError as error:
            raise ConfigError(f'{place}: "{text[:100]}": {error}') from error
