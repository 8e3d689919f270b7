"""The entries of an ExternalSecret, and what is made of what was read."""

import json

import pytest

from provider import errors
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.objects import read_external_secret
from provider.controller.values.entries import Result, assemble, entries_of
from provider.controller.values.fetch import is_light

CANARY = "canary-4711"


def spec_of(*keys: str, **remote: str) -> ExternalSecretSpec:
    data = [
        {"secretKey": f"k{at}", "remoteRef": {"key": key, **remote}} for at, key in enumerate(keys)
    ]
    document = {"spec": {"secretStoreRef": {"name": "store"}, "data": data}}
    spec = read_external_secret(document).spec
    assert spec is not None
    return spec


def test_the_work_on_values_ends_at_the_deadline() -> None:
    entries = entries_of(spec_of("a"))
    with pytest.raises(errors.OutOfTime, match="take too long"):
        assemble(entries, [b"x"], skip_missing=False, expired=lambda _steps=0: True)


def test_the_first_failure_in_order_is_raised() -> None:
    entries = entries_of(spec_of("a", "b", "c"))
    results: list[Result] = [b"x", errors.AccessDenied("no"), errors.SecretNotFound("gone")]
    with pytest.raises(errors.AccessDenied) as raised:
        assemble(entries, results, skip_missing=False, expired=lambda _steps=0: False)
    assert str(raised.value) == "error processing spec.data[1] (key: b), err: no"


def test_a_failure_that_is_no_missing_secret_is_never_skipped() -> None:
    entries = entries_of(spec_of("a", "b"))
    results: list[Result] = [errors.SecretNotFound("gone"), errors.KeyNotFound("no such key")]
    with pytest.raises(errors.KeyNotFound):
        assemble(entries, results, skip_missing=True, expired=lambda _steps=0: False)


@pytest.mark.parametrize(
    ("remote", "content", "light"),
    [
        ({}, b"x" * 60_000, True),
        ({}, b"x" * 200_000, False),
        ({"property": "a.b"}, b"x" * 4000, True),
        ({"property": "a.b"}, b"x" * 5000, False),
        ({"property": "a.#(b==1)"}, b"x", False),
        ({"property": "*"}, b"x", False),
        ({"property": "a|@reverse"}, b"x", False),
    ],
)
def test_hostile_work_is_done_away_from_the_loop(
    remote: dict[str, str], content: bytes, light: bool
) -> None:
    assert is_light(entries_of(spec_of("a", **remote)), [content]) is light


@pytest.mark.parametrize("entry", [{"extract": {"key": "a"}}, {"find": {"name": {"regexp": "x"}}}])
def test_whole_documents_are_worked_on_away_from_the_loop(entry: dict[str, object]) -> None:
    document = {"spec": {"secretStoreRef": {"name": "s"}, "dataFrom": [entry]}}
    spec = read_external_secret(document).spec
    assert spec is not None
    result: Result = b"{}" if "extract" in entry else {}
    assert not is_light(entries_of(spec), [result])


@pytest.mark.parametrize("path", ["a" * 2000, "{" * 500, "a.#(" * 100, "@this|" * 300, "[" * 900])
def test_a_hostile_property_fails_and_quotes_no_value(path: str) -> None:
    entries = entries_of(spec_of("a", property=path))
    content = json.dumps({"a": CANARY, "b": [CANARY] * 1000}).encode()
    with pytest.raises(errors.ProviderError) as raised:
        assemble(entries, [content], skip_missing=False, expired=lambda _steps=0: False)
    assert CANARY not in str(raised.value)
