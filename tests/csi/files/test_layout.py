"""Whole secrets and extracted values as files, and the size of them all."""

import gc
import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.csi.files.layout import (
    NOTHING,
    Found,
    MountedFile,
    check_size,
    lay_out,
    lay_out_off_loop,
)
from provider.csi.request.model import SecretObject
from provider.csi.request.parameters import parse_class
from provider.engine.content.budget import Budget, TooCostly
from provider.engine.model import SecretValue
from provider.errors import AnswerTooLarge, KeyNotFound, OutOfTime, SecretUnusable
from provider.runtime.offload import Offload
from testbed.volume import Payload, check_clashes, check_path

OBJECTS = """
- objectName: app/db
  objectType: secretsmanager
  filePermission: "0400"
  jmesPath:
    - {path: user, objectAlias: db/user}
    - {path: password, objectAlias: password, filePermission: "0444"}
- objectName: plain
  objectType: ssmparameter
- objectName: other
  objectType: secretsmanager
  jmesPath:
    - {path: a, objectAlias: a}
    - {path: b, objectAlias: b}
"""


@pytest.fixture
def objects() -> tuple[SecretObject, ...]:
    return parse_class({"objects": OBJECTS}, default_mode=0o644, default_region="x").objects


def value(content: bytes, version: str = "v1") -> SecretValue:
    return SecretValue(content, version)


def paired(objects: tuple[SecretObject, ...], *contents: bytes) -> Found:
    return list(zip(objects, map(value, contents), strict=True))


def test_extracted_files_lie_beside_the_whole(objects: tuple[SecretObject, ...]) -> None:
    db = value(b'{"user": "me", "password": "hunter2"}')
    layout = lay_out([(objects[0], db), (objects[1], value(b"\xff\x00", "7"))], Budget())
    assert layout.failures == ()
    assert layout.files == (
        MountedFile("app_db", 0o400, db.content, "v1"),
        MountedFile("db_user", 0o400, b"me", "v1"),
        MountedFile("password", 0o444, b"hunter2", "v1"),
        MountedFile("plain", 0o644, b"\xff\x00", "7"),
    )


def test_every_failure_of_every_object_is_reported(objects: tuple[SecretObject, ...]) -> None:
    found = [(objects[0], value(b"hunter2")), (objects[2], value(b"{}"))]
    layout = lay_out(found, Budget())
    assert layout.files == ()
    assert [(obj.path, type(error)) for obj, error in layout.failures] == [
        ("objects[0]", SecretUnusable),
        ("objects[2]", KeyNotFound),
        ("objects[2]", KeyNotFound),
    ]
    assert "hunter2" not in str(layout.failures)


def of(*objects: str, translation: str = "") -> tuple[SecretObject, ...]:
    text = "".join(f"- {{objectType: secretsmanager, {one}}}\n" for one in objects)
    parameters = {"objects": text, "pathTranslation": translation}
    return parse_class(parameters, default_mode=0o644, default_region="x").objects


def laid_out(objects: tuple[SecretObject, ...], *contents: bytes) -> dict[str, bytes]:
    layout = lay_out(paired(objects, *contents), Budget())
    assert layout.failures == ()
    return {file.path: file.content for file in layout.files}


def failures_of(objects: tuple[SecretObject, ...], *contents: bytes) -> list[str]:
    layout = lay_out(paired(objects, *contents), Budget())
    return [f"{obj.path}: {error}" for obj, error in layout.failures]


def test_the_whole_object_is_decoded_and_what_is_extracted_is_not() -> None:
    objects = of(
        "objectName: a, objectEncoding: base64",
        "objectName: b, objectEncoding: hex",
        "objectName: c, jmesPath: [{path: x, objectAlias: x, objectEncoding: hex}, "
        "{path: x, objectAlias: y}]",
    )
    assert laid_out(objects, b"AP8=", b"00ff", b'{"x": "00"}') == {
        "a": b"\x00\xff",
        "b": b"\x00\xff",
        "c": b'{"x": "00"}',
        "x": b"\x00",
        "y": b"00",
    }


def test_what_does_not_decode_is_reported_with_object_alias_and_encoding() -> None:
    objects = of(
        "objectName: a, objectAlias: key, objectEncoding: base64",
        "objectName: c, jmesPath: [{path: x, objectAlias: x, objectEncoding: hex}]",
    )
    assert failures_of(objects, b"hunter2!", b'{"x": "hunter2"}') == [
        'objects[0]: file "key": the value is not base64, as objectEncoding says',
        'objects[1]: jmesPath "x" (objectAlias "x"): the value is not hex, as objectEncoding says',
    ]


def test_keys_lie_beside_the_whole_unless_it_is_omitted() -> None:
    assert laid_out(of("objectName: a, jsonKeys: '*'"), b'{"x": 1}') == {
        "a": b'{"x": 1}',
        "x": b"1",
    }
    objects = of(
        "objectName: a, jsonKeys: [x], omitWhole: true",
        "objectName: b, jmesPath: [{path: x, objectAlias: y}], omitWhole: true",
    )
    assert laid_out(objects, b'{"x": 1}', b'{"x": 2}') == {"x": b"1", "y": b"2"}


def test_a_format_takes_the_place_of_the_whole() -> None:
    objects = of("objectName: a, objectAlias: app.env, jsonKeys: '*', format: dotenv")
    assert laid_out(objects, b'{"x": 1, "y": "z"}') == {"app.env": b"x='1'\ny='z'\n"}


CLASHES = {
    "with an object": (
        ("objectName: user", "objectName: b, jsonKeys: '*'"),
        (b"", b'{"user": 1}'),
        'objects[1]: the key "user": "user" is already used by objects[0].',
    ),
    "with a later object": (
        ("objectName: b, jsonKeys: '*'", "objectName: user"),
        (b'{"user": 1}', b""),
        'objects[0]: the key "user": "user" is already used by objects[1].',
    ),
    "with a path": (
        (
            "objectName: a, jmesPath: [{path: x, objectAlias: user}]",
            "objectName: b, jsonKeys: '*'",
        ),
        (b'{"x": 1}', b'{"user": 1}'),
        'objects[1]: the key "user": "user" is already used by objects[0].jmesPath.',
    ),
    "with another's key": (
        ("objectName: a, jsonKeys: '*'", "objectName: b, jsonKeys: '*'"),
        (b'{"x": 1}', b'{"x": 1}'),
        'objects[1]: the key "x": "x" is already used by the key "x" of objects[0].',
    ),
    "by translation": (
        ("objectName: a, jsonKeys: '*'",),
        (b'{"x/y": 1, "x_y": 2}',),
        'objects[0]: the key "x_y": "x_y" is already used by the key "x/y" of objects[0].',
    ),
    "by prefix": (
        ("objectName: x-y", "objectName: b, jsonKeys: '*', keyPrefix: x-"),
        (b"", b'{"y": 1}'),
        'objects[1]: the key "y": "x-y" is already used by objects[0].',
    ),
}


@pytest.mark.parametrize(("objects", "contents", "expected"), CLASHES.values(), ids=CLASHES.keys())
def test_a_name_from_a_secret_that_is_taken_is_an_error(
    objects: tuple[str, ...], contents: tuple[bytes, ...], expected: str
) -> None:
    (failure,) = failures_of(of(*objects), *contents)
    assert failure == f"{expected} Set a keyPrefix, or another objectAlias."


def test_a_key_that_is_a_folder_of_another_file_is_an_error() -> None:
    objects = of("objectName: a/b", "objectName: c, jsonKeys: '*'", translation="False")
    (failure,) = failures_of(objects, b"", b'{"a": 1}')
    assert '"a/b" needs the folder "a", which is a file of the key "a" of objects[1]' in failure


def test_a_secret_that_is_no_json_has_no_keys() -> None:
    objects = of("objectName: a, jsonKeys: '*'")
    assert failures_of(objects, b"hunter2") == [
        "objects[0]: the secret is not JSON, and so jsonKeys cannot be applied"
    ]


DEAR = "|".join(["[@,@][]"] * 16 + ["map(&@, @)"] * 4)
"""An expression that does not end within any reasonable time."""


def with_paths(*paths: str) -> tuple[SecretObject, ...]:
    entries = ", ".join(
        f"{{path: '{path}', objectAlias: f{index}}}" for index, path in enumerate(paths)
    )
    return of("objectName: first", f"objectName: a, jmesPath: [{entries}]", "objectName: last")


def test_an_expression_that_costs_too_much_is_reported_with_its_path() -> None:
    layout = lay_out(paired(with_paths("x", DEAR), b"", b'{"x": 1}', b""), Budget())
    ((obj, error),) = layout.failures
    assert (obj.path, layout.files) == ("objects[1]", ())
    assert isinstance(error, TooCostly)
    assert str(error).startswith('jmesPath "[@,@][]|[@,@][]|')
    assert '(objectAlias "f1"): takes more work than one request may cause' in str(error)


def test_all_expressions_of_a_mount_share_one_budget() -> None:
    secret = json.dumps([1] * 1000).encode()
    one, eight = with_paths("[*].[@,@]"), with_paths(*["[*].[@,@]"] * 8)
    budget = Budget()
    assert lay_out(paired(one, b"", secret, b""), budget).failures == ()
    spent = Budget().steps - budget.steps
    layout = lay_out(paired(eight, b"", secret, b""), Budget(steps=4 * spent))
    ((_, error),) = layout.failures
    assert isinstance(error, TooCostly)
    objects = of(
        *(
            f"objectName: a{i}, jmesPath: [{{path: '[*].[@,@]', objectAlias: f{i}}}]"
            for i in range(8)
        )
    )
    layout = lay_out(paired(objects, *[secret] * 8), Budget(steps=4 * spent))
    ((obj, error),) = layout.failures
    assert (obj.path, type(error)) == ("objects[4]", TooCostly)


def test_the_deadline_ends_an_expression() -> None:
    times = iter(range(1000))
    budget = Budget(deadline=500, clock=lambda: next(times))
    layout = lay_out(paired(with_paths(DEAR), b"", b"[1]", b""), budget)
    ((obj, error),) = layout.failures
    assert (obj.path, type(error)) == ("objects[1]", OutOfTime)
    assert str(error).startswith('jmesPath "[@,@][]|')


def test_many_globs_on_many_keys_cost_too_much() -> None:
    globs = ", ".join(f"'{letter}*x'" for letter in "abcdefghijklmnopqrstuvwxyz")
    secret = json.dumps({f"k{index}": 1 for index in range(10_000)}).encode()
    ((_, error),) = lay_out(
        paired(of(f"objectName: a, jsonKeys: [{globs}]"), secret), Budget()
    ).failures
    assert isinstance(error, TooCostly)
    assert str(error).startswith("jsonKeys: ")


def test_a_long_glob_on_a_long_key_costs_too_much() -> None:
    """One comparison cannot be interrupted, and would take minutes."""
    globs = ", ".join(f"'*{'[ab]' * 40}c{number}'" for number in range(25))
    secret = json.dumps({"a" * 60_000: 1}).encode()
    found = paired(of(f"objectName: a, format: json, jsonKeys: [{globs}]"), secret)
    ((_, error),) = lay_out(found, Budget()).failures
    assert isinstance(error, TooCostly)


@pytest.mark.parametrize(
    "key",
    [
        f"jmesPath: [{{path: '[{','.join(['contains(a, b)'] * 20)}]', objectAlias: y}}]",
        "jsonKeys: '*', format: properties",
    ],
)
def test_work_on_long_texts_is_not_for_the_event_loop(key: str) -> None:
    """It takes few steps, and each of them long."""
    secret = json.dumps({"a": "a" * 40_000, "b": f"{'a' * 90}b{'a' * 8}"}).encode()
    found = paired(of(f"objectName: a, {key}"), secret)
    assert [type(error) for _, error in lay_out(found, Budget.for_loop()).failures] == [TooCostly]
    assert lay_out(found, Budget()).failures == ()


def test_failures_before_the_budget_was_spent_are_reported_too() -> None:
    objects = of(
        "objectName: a, jmesPath: [{path: x, objectAlias: x}]",
        f"objectName: b, jmesPath: [{{path: '{DEAR}', objectAlias: y}}]",
    )
    layout = lay_out(paired(objects, b"{}", b"[1]"), Budget())
    assert [type(error) for _, error in layout.failures] == [KeyNotFound, TooCostly]


@pytest.mark.parametrize(
    "key", [f"jmesPath: [{{path: '{DEAR}', objectAlias: y}}]", "jsonKeys: [b]"]
)
def test_a_failure_does_not_keep_the_document(key: str) -> None:
    """It may have megabytes, and failures are kept for a while."""
    gc.disable()
    try:
        layout = lay_out(paired(of(f"objectName: a, {key}"), b'{"marker of it": [1]}'), Budget())
        assert len(layout.failures) == 1
        found = [one for one in gc.get_objects() if type(one) is dict and "marker of it" in one]
        assert not found
    finally:
        gc.enable()


@pytest.fixture
def offload() -> Iterator[Offload]:
    made = Offload(threads=1)
    yield made
    made.close()


async def test_a_small_volume_is_laid_out_on_the_loop(
    objects: tuple[SecretObject, ...], offload: Offload
) -> None:
    offload.close()  # so that any use of it fails
    found = paired(objects, b'{"user": "me", "password": "x"}', b"", b'{"a": 1, "b": 2}')
    layout = await lay_out_off_loop(found, deadline=math.inf, offload=offload, tenant="shop")
    assert len(layout.files) == 7


async def test_a_large_volume_is_laid_out_in_a_thread(offload: Offload) -> None:
    secret = json.dumps({"x": "y" * 60_000, "z": [1.5] * 4000}).encode()
    found = paired(with_paths("z[0]"), b"", secret, b"")
    layout = await lay_out_off_loop(found, deadline=math.inf, offload=offload, tenant="shop")
    assert [file.content for file in layout.files if file.path == "f0"] == [b"1.5"]
    offload.close()
    with pytest.raises(OutOfTime):
        await lay_out_off_loop(found, deadline=math.inf, offload=offload, tenant="shop")


async def test_the_deadline_holds_in_the_thread(offload: Offload) -> None:
    found = paired(with_paths(DEAR), b"", b"[1]", b"")
    layout = await lay_out_off_loop(found, deadline=0.0, offload=offload, tenant="shop")
    assert [type(error) for _, error in layout.failures] == [OutOfTime]
    layout = await lay_out_off_loop(found, deadline=math.inf, offload=offload, tenant="shop")
    assert [type(error) for _, error in layout.failures] == [TooCostly]


def test_each_file_has_the_version_of_its_own_secret() -> None:
    objects = of(
        "objectName: a, jsonKeys: '*', omitWhole: true",
        "objectName: b, jmesPath: [{path: x, objectAlias: y}]",
    )
    found = [(objects[0], value(b'{"k": 1}', "1")), (objects[1], value(b'{"x": 1}', "2"))]
    files = lay_out(found, Budget()).files
    assert [(file.path, file.version) for file in files] == [("k", "1"), ("b", "2"), ("y", "2")]


@pytest.mark.parametrize("found", ["no object", "no key"])
def test_without_any_file_a_placeholder_has_a_version(found: str) -> None:
    objects = of("objectName: a, jsonKeys: '*', omitWhole: true")
    layout = lay_out(paired(objects, b"{}") if found == "no key" else [], Budget())
    assert layout.files == (NOTHING,)
    assert (NOTHING.path, NOTHING.version) == (".empty", "missing")


odd_names = st.text(max_size=4) | st.sampled_from(
    ["a", "b", "a/b", "a_b", "..", "../a", "/a", "a/", ".", "..data", "k" * 300]
)
ANY = of(
    "objectName: a",
    "objectName: b, jsonKeys: '*', omitWhole: true",
    "objectName: c, jsonKeys: ['a*'], keyPrefix: p/",
    "objectName: d, jsonKeys: '*', format: json",
    translation="False",
)


@given(st.lists(st.dictionaries(odd_names, st.integers() | st.text(max_size=3)), min_size=4))
def test_whatever_the_secrets_hold_the_driver_takes_the_files(secrets: list[Any]) -> None:
    contents = [json.dumps(secret).encode() for secret in secrets[:4]]
    layout = lay_out(paired(ANY, *contents), Budget())
    if layout.failures:
        return
    for file in layout.files:
        check_path(file.path)
    assert len({file.path for file in layout.files}) == len(layout.files)
    check_clashes({file.path: Payload(file.mode, file.content) for file in layout.files})


def test_contents_do_not_print() -> None:
    assert "hunter2" not in repr(MountedFile("a", 0o400, b"hunter2"))


def test_an_answer_too_large_is_reported_with_sizes_and_the_largest_files() -> None:
    files = [MountedFile(f"f{size}", 0o400, bytes(size)) for size in (10, 5000, 30, 4000, 20)]
    check_size(files, 20_000)
    with pytest.raises(AnswerTooLarge) as error:
        check_size(files, 9_000)
    assert '"f5000" (5000 bytes), "f4000" (4000 bytes), "f30" (30 bytes)' in str(error.value)
    assert "9000" in str(error.value)
    assert "--max-response-bytes" in str(error.value)


@pytest.mark.parametrize(("count", "length"), [(1, 64), (300, 5000), (5000, 0)])
def test_the_size_is_never_less_than_the_answers(count: int, length: int) -> None:
    from provider.v1alpha1 import service_pb2  # noqa: PLC0415 - the oracle, of no other test

    version = "v" * length
    files = [MountedFile("ü" * 100 + str(i), 0o7777, bytes(200), version) for i in range(count)]
    answer = service_pb2.MountResponse()
    for file in files:
        answer.files.add(path=file.path, mode=file.mode, contents=file.content)
        answer.object_version.add(id=file.path, version=file.version)
    with pytest.raises(AnswerTooLarge):
        check_size(files, answer.ByteSize())
