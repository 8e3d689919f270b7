"""The syntax of option values."""

import pytest

from provider.runtime import option_values


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
    assert option_values.duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    ["", "2", "2 m", "m", "-1s", "1d", "1s2", "٣s", "1e3s", "1.2.3s", "9" * 70 + "s", "1000000h"],
)
def test_what_go_refuses_or_nobody_means_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the texts are for cli's tests
        option_values.duration(text)


@pytest.mark.parametrize(
    ("text", "value"), [("16Mi", 16 * 2**20), ("0", 0), ("1048576", 2**20), ("64k", 64_000)]
)
def test_sizes_are_bytes_or_kubernetes_quantities(text: str, value: int) -> None:
    assert option_values.size(text) == value


@pytest.mark.parametrize("text", ["", "A", "a_b", "a/b", "../a", "-a", "a-", "a" * 254])
def test_what_kubernetes_refuses_is_no_name(text: str) -> None:
    assert option_values.object_name("a.b-1") == "a.b-1"
    with pytest.raises(ValueError, match="expected a name"):
        option_values.object_name(text)


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
    assert option_values.address(text) == value
