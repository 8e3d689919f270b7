"""Parsed classes: kept while they are used, by the memory that they take."""

import gc
import tracemalloc
import weakref
from contextlib import suppress

import pytest

from provider.csi.request import class_cache
from provider.csi.request.class_cache import ClassCache
from provider.csi.request.model import ClassSpec
from provider.csi.request.parameters import ClassText, class_text, parse_text
from provider.manifests.problems import InvalidSpec

KIB = 1024
STARS = ",".join("*" * 160)


def parse(text: str, cache: ClassCache | None, **parameters: str) -> ClassSpec:
    given = {"region": "eu-west-1", "objects": text} | parameters
    asked = class_text(given, default_mode=0o644, default_region=None)
    return cache.parse(asked) if cache is not None else parse_text(asked)


def plain(name: str) -> str:
    return f"- {{objectName: {name}, objectType: secretsmanager}}\n"


def with_paths(number: int, paths: int) -> str:
    """A class whose expressions have nearly 500 nodes each."""
    entries = ",".join(
        f"{{path: '[k{number}x{index},{STARS}]', objectAlias: f{index}}}" for index in range(paths)
    )
    return f"- {{objectName: a, objectType: secretsmanager, jmesPath: [{entries}]}}\n"


def allocated() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_an_unchanged_class_is_parsed_once() -> None:
    cache = ClassCache()
    first = parse(plain("a"), cache)
    assert parse(plain("a"), cache) is first
    assert len(cache) == 1


@pytest.mark.parametrize("change", [{"region": "eu-west-2"}, {"unknown": ""}, {"auth": "auto"}])
def test_a_changed_parameter_is_another_class(change: dict[str, str]) -> None:
    cache = ClassCache()
    assert parse(plain("a"), cache, **change) is not parse(plain("a"), cache)


def test_a_class_with_problems_is_not_kept() -> None:
    cache = ClassCache()
    with pytest.raises(InvalidSpec):
        parse("- x", cache)
    assert (len(cache), cache.weight) == (0, 0)


def test_the_class_that_was_not_used_for_longest_goes_first() -> None:
    cache = ClassCache(max_bytes=16 * KIB)
    classes = {name: parse(plain(name), cache) for name in "abc"}
    parse(plain("a"), cache)
    while len(cache) == len(classes):
        name = f"more{len(classes)}"
        classes[name] = parse(plain(name), cache)
    assert cache.weight <= 16 * KIB
    assert parse(plain("a"), cache) is classes["a"]
    assert parse(plain("b"), cache) is not classes["b"]


def test_a_class_that_takes_a_quarter_of_the_cache_is_not_kept() -> None:
    cache = ClassCache(max_bytes=16 * KIB)
    parse("".join(map(plain, ("a" * 200, "b" * 200, "c" * 200))), cache)
    assert (len(cache), cache.weight) == (0, 0)


def test_a_class_that_two_threads_parse_at_once_counts_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache, once = ClassCache(), ClassCache()

    def parse_after_another_thread(text: ClassText) -> ClassSpec:
        monkeypatch.undo()
        cache.parse(text)
        return parse_text(text)

    monkeypatch.setattr(class_cache, "parse_text", parse_after_another_thread)
    parse(plain("a"), cache)
    parse(plain("a"), once)
    assert (len(cache), cache.weight) == (1, once.weight)


@pytest.mark.parametrize(("refused", "paths"), [(3, 40), (12, 1)], ids=["large", "many"])
def test_refused_classes_leave_no_memory(refused: int, paths: int) -> None:
    """Classes of up to 16 KiB with expressions `[k,*,*,…]`, each refused for its last entry."""
    cache = ClassCache()
    hostile = [with_paths(number, paths) + "- nothing\n" for number in range(refused)]
    with suppress(InvalidSpec):
        parse(hostile[0], cache)  # what is made once and kept, such as compiled patterns
    tracemalloc.start()
    try:
        before = allocated()
        for text in hostile:
            with pytest.raises(InvalidSpec):
                parse(text, cache)
        assert allocated() - before < 64 * KIB
    finally:
        tracemalloc.stop()


KINDS = {
    "expressions": lambda number: with_paths(number, 2),
    "objects": lambda number: "".join(plain(f"n{number}x{index}") for index in range(60)),
    "names": lambda number: (
        "- {objectName: a, objectType: secretsmanager, jsonKeys: ["
        + ",".join(f"k{number}x{index}" for index in range(200))
        + "]}"
    ),
    "globs": lambda number: (
        "- {objectName: a, objectType: secretsmanager, jsonKeys: ["
        + ",".join(f"k{number}x{index}*" for index in range(150))
        + "]}"
    ),
    "a long glob": lambda number: (
        f"- {{objectName: a, objectType: secretsmanager, jsonKeys: ['k{number}{'*a' * 300}']}}"
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_weight_is_not_less_than_the_memory(kind: str) -> None:
    cache = ClassCache()
    parse(KINDS[kind](0), ClassCache())
    tracemalloc.start()
    try:
        before = allocated()
        parse(KINDS[kind](1), cache)
        assert len(cache) == 1
        assert allocated() - before < cache.weight
    finally:
        tracemalloc.stop()


def test_the_expressions_of_a_class_are_bounded_together() -> None:
    parse(with_paths(0, 9), None)
    with pytest.raises(InvalidSpec) as invalid:
        parse(with_paths(0, 30), None)
    (problem,) = invalid.value.problems
    assert problem.path.startswith("objects[0].jmesPath[")
    assert problem.message.startswith("makes this class too large")


def test_expressions_that_are_refused_count_too() -> None:
    large = ",".join("*" * 500)
    entries = ",".join(f"{{path: '[{large}]', objectAlias: f{index}}}" for index in range(200))
    with pytest.raises(InvalidSpec) as invalid:
        parse(f"- {{objectName: a, objectType: secretsmanager, jmesPath: [{entries}]}}", None)
    assert len(invalid.value.problems) < 10


def test_globs_count_with_the_expressions() -> None:
    globs = ",".join(f"'k{index}*'" for index in range(2000))
    with pytest.raises(InvalidSpec) as invalid:
        parse(f"- {{objectName: a, objectType: secretsmanager, jsonKeys: [{globs}]}}", None)
    (problem,) = invalid.value.problems
    assert problem.path == "objects[0].jsonKeys"
    names = globs.replace("*", "")
    parse(f"- {{objectName: a, objectType: secretsmanager, jsonKeys: [{names}]}}", None)


def test_a_long_glob_counts_by_its_length() -> None:
    with pytest.raises(InvalidSpec, match="makes this class too large"):
        parse(f"- {{objectName: a, objectType: ssmparameter, jsonKeys: ['{'*a' * 2600}']}}", None)


def test_nothing_keeps_the_globs_of_a_class_that_is_gone() -> None:
    klass = parse("- {objectName: a, objectType: ssmparameter, jsonKeys: ['x*']}", None)
    keys = klass.objects[0].keys
    assert keys is not None
    glob = weakref.ref(keys.globs[0])
    assert glob() is not None
    del klass, keys
    gc.collect()
    assert glob() is None
