"""The options: their defaults, and where their values come from."""

from pathlib import Path

import pytest

from provider.csi.config import Config
from provider.runtime.options import ConfigError, configure, options_of


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
        ("region", "eu-west-1-"),
        ("region", "-"),
        ("driver_writes_secrets", "maybe"),
        ("pod_identity_http_timeout", "-1s"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_flag(name: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configure(Config, {name: text}, {})
    assert str(caught.value).startswith(f'--{name.replace("_", "-")}: "{text}": ')
    assert "\n" not in str(caught.value)


def test_the_environment_is_used_where_no_flag_is_given() -> None:
    environ = {"AWS_REGION": "eu-west-1", "NODE_NAME": "node-1"}
    assert configure(Config, {}, environ).region == "eu-west-1"
    assert configure(Config, {}, environ).node_name == "node-1"
    assert configure(Config, {"region": "eu-north-1"}, environ).region == "eu-north-1"
    assert configure(Config, {}, {"AWS_REGION": ""}).region is None


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^AWS_REGION: "):
        configure(Config, {}, {"AWS_REGION": "eu west"})


def test_the_socket_of_the_status_cannot_be_that_of_a_provider() -> None:
    assert configure(Config, {}, {}).status_path.name == ".aws-status"


def test_the_defaults_are_those_of_the_contract() -> None:
    config = configure(Config, {}, {})
    assert config == Config()
    assert config.socket_path == Path("/var/run/secrets-store-csi-providers/aws.sock")
    assert config.driver_writes_secrets is True
    assert config.rotation_poll_interval == 120
    assert config.cache_max_bytes == 16 * 2**20
    assert config.metrics_address == ("", 8989)


def test_every_option_is_documented() -> None:
    for name, about in options_of(Config).items():
        assert about.text.endswith("."), name
        assert about.parse(about.default) == getattr(Config(), name), name


def test_rotated_events_without_events_are_refused() -> None:
    with pytest.raises(ConfigError, match="--rotated-events: has no effect without --events"):
        configure(Config, {"rotated_events": "true"}, {})
    assert configure(Config, {"rotated_events": "true", "events": "true"}, {}).rotated_events


def test_globs_are_separated_by_commas() -> None:
    assert configure(Config, {"metrics_namespaces": "team-*, shop"}, {}).metrics_namespaces == (
        "team-*",
        "shop",
    )
    assert configure(Config, {}, {}).allowed_regions is None
    with pytest.raises(ConfigError, match="--allowed-regions"):
        configure(Config, {"allowed_regions": ","}, {})
