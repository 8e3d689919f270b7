"""Options: their syntax, their defaults, where they come from."""

from pathlib import Path

import pytest

from provider import syntax
from provider.csi.config import OPTIONS, Config, ConfigError, configure


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("2m", 120),
        ("1h30m", 5400),
        ("100ms", 0.1),
        ("1.5s", 1.5),
        (".5s", 0.5),
        ("1m0.25s", 60.25),
        ("+3s", 3),
        ("250us", 0.00025),
        ("250µs", 0.00025),
        ("1000000ns", 0.001),
    ],
)
def test_durations_are_written_as_in_go(text: str, seconds: float) -> None:
    assert syntax.duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    ["", "2", "2 m", "m", "-1s", "1d", "1s2", "٣s", "1e3s", "1.2.3s", "9" * 70 + "s", "1000000h"],
)
def test_what_go_refuses_or_nobody_means_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the texts are for cli's tests
        syntax.duration(text)


@pytest.mark.parametrize(
    ("text", "value"), [("16Mi", 16 * 2**20), ("0", 0), ("1048576", 2**20), ("64k", 64_000)]
)
def test_sizes_are_bytes_or_kubernetes_quantities(text: str, value: int) -> None:
    assert syntax.size(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        (":8989", ("", 8989)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:8989", ("::1", 8989)),
        ("localhost:80", ("localhost", 80)),
    ],
)
def test_addresses(text: str, value: tuple[str, int] | None) -> None:
    assert syntax.address(text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("metrics_address", "8989"),
        ("metrics_address", ":99999"),
        ("metrics_address", "::1:80"),
        ("cache_max_bytes", "16MiB!"),
        ("cache_max_bytes", "-1"),
        ("mount_workers", "0"),
        ("mount_workers", "many"),
        ("mount_timeout", "0s"),
        ("socket_name", "a/b"),
        ("socket_name", ".."),
        ("provider_volume", ""),
        ("log_level", "loud"),
        ("log_format", "xml"),
        ("kube_api_url", "ftp://x"),
        ("region", "eu/evil"),
        ("driver_writes_secrets", "maybe"),
        ("pod_identity_http_timeout", "-1s"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_flag(name: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configure({name: text}, {})
    assert str(caught.value).startswith(f'--{name.replace("_", "-")}: "{text}": ')
    assert "\n" not in str(caught.value)


def test_the_environment_counts_where_no_flag_is_given() -> None:
    environ = {"AWS_REGION": "eu-west-1", "NODE_NAME": "node-1"}
    assert configure({}, environ).region == "eu-west-1"
    assert configure({}, environ).node_name == "node-1"
    assert configure({"region": "eu-north-1"}, environ).region == "eu-north-1"
    assert configure({}, {"AWS_REGION": ""}).region is None


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^AWS_REGION: "):
        configure({}, {"AWS_REGION": "eu west"})


def test_the_defaults_are_those_of_the_contract() -> None:
    config = configure({}, {})
    assert config == Config()
    assert config.socket_path == Path("/var/run/secrets-store-csi-providers/aws.sock")
    assert config.driver_writes_secrets is True
    assert config.rotation_poll_interval == 120
    assert config.cache_max_bytes == 16 * 2**20
    assert config.metrics_address == ("", 8989)


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_documented(name: str) -> None:
    about = OPTIONS[name]
    assert about.text.endswith(".")
    assert about.parse(about.default) == getattr(Config(), name)
