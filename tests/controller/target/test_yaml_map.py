"""A rendered template as a map: what the golden table does not say."""

import pytest

from provider.controller.target.yaml_map import parse_yaml_map
from provider.errors import InvalidRequest

CANARY = "s3cr3t"


@pytest.mark.parametrize(
    "content",
    [
        f"a: [{CANARY}]", f"a: {{b: {CANARY}}}", f"{CANARY}", f"- {CANARY}", f"a: {CANARY}: x",
        f"a: *{CANARY}", f"a: !!int {CANARY}", f'a: "{CANARY}', f"a: @{CANARY}", f"[{CANARY}]: x",
    ],
)  # fmt: skip
def test_a_mistake_is_told_without_the_value(content: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_yaml_map(content.encode())
    assert CANARY not in str(caught.value)


def test_the_key_of_a_nested_value_is_named() -> None:
    with pytest.raises(InvalidRequest, match='the value of key "users" is an array'):
        parse_yaml_map(b"users: [a, b]")


def test_aliases_cannot_grow_without_bound() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{','.join(['*' + before] * 8)}]\n"
        for before, name in zip("abcdefghij", "bcdefghijk", strict=True)
    )
    with pytest.raises(InvalidRequest, match="is an array"):
        parse_yaml_map(bomb.encode())


def test_aliases_do_not_repeat_a_long_text_without_bound() -> None:
    """A mebibyte of YAML would be twenty gigabytes of values."""
    bomb = f"a: &a {'x' * 100_000}\n" + "".join(f"k{number}: *a\n" for number in range(400))
    with pytest.raises(InvalidRequest, match="the template's values exceed 32 MiB"):
        parse_yaml_map(bomb.encode())


def test_a_large_map_is_not_read_beyond_the_deadline() -> None:
    content = b"".join(b"k%d: x\n" % number for number in range(1000))
    with pytest.raises(InvalidRequest, match="takes too long"):
        parse_yaml_map(content, expired=lambda _steps=0: True)


def test_directives_that_libyaml_compares_with_each_other_are_few() -> None:
    """It holds the event loop meanwhile: for ten minutes with a mebibyte of them."""
    directives = "".join(f"%TAG !a{number}! x\n" for number in range(200))
    with pytest.raises(InvalidRequest, match="yaml: more than 100 %TAG directives"):
        parse_yaml_map(f"{directives}--- \na: b\n".encode())
