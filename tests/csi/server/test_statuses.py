"""A status' text must get through to `kubectl describe pod`."""

import pytest

from provider.csi.server.statuses import MAX_DETAILS, bounded, details


def wire_size(text: str) -> int:
    return sum(1 if 0x20 <= byte <= 0x7E and byte != 0x25 else 3 for byte in text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "short",
        "two\nlines",
        "x" * 100_000,
        "%" * 100_000,
        "ä" * 100_000,
        "\U0001f511" * 100_000,
        "\n" * 100_000,
        "\n".join(f"objects[{number}]: no such secret" for number in range(1000)),
        "first\n" + "x" * 100_000,
    ],
    ids=[
        "short",
        "two",
        "long",
        "percent",
        "latin",
        "emoji",
        "empty lines",
        "many lines",
        "second",
    ],
)
def test_no_text_is_too_long_for_a_header(text: str) -> None:
    assert wire_size(bounded(text)) <= MAX_DETAILS
    assert bounded(text)[:5] == text[:5]


def test_whole_lines_are_kept_and_the_rest_is_counted() -> None:
    text = "\n".join(f"objects[{number}]: no such secret" for number in range(1000))
    *kept, last = bounded(text).split("\n")
    assert kept == text.split("\n")[: len(kept)]
    assert last == f"… and {1000 - len(kept)} more lines in the provider's log"


def test_the_id_is_always_there() -> None:
    assert details("x" * 100_000, "0a1b2c3d").endswith("[id 0a1b2c3d]")
