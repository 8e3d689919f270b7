"""Whole secrets and extracted values as files, and the size of them all."""

import pytest

from provider.errors import AnswerTooLarge, KeyNotFound, SecretUnusable
from provider.files import MountedFile, check_size, lay_out
from provider.spec.models import SecretObject
from provider.spec.objects import parse_class
from provider.store import SecretValue

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


def value(content: bytes) -> SecretValue:
    return SecretValue(content, "v1")


def test_extracted_files_lie_beside_the_whole(objects: tuple[SecretObject, ...]) -> None:
    db = value(b'{"user": "me", "password": "hunter2"}')
    files, failures = lay_out([(objects[0], db), (objects[1], value(b"\xff\x00"))])
    assert failures == []
    assert files == (
        MountedFile("app_db", 0o400, db.content),
        MountedFile("db_user", 0o400, b"me"),
        MountedFile("password", 0o444, b"hunter2"),
        MountedFile("plain", 0o644, b"\xff\x00"),
    )


def test_every_failure_of_every_object_is_told(objects: tuple[SecretObject, ...]) -> None:
    _, failures = lay_out([(objects[0], value(b"hunter2")), (objects[2], value(b"{}"))])
    assert [(obj.path, type(error)) for obj, error in failures] == [
        ("objects[0]", SecretUnusable),
        ("objects[2]", KeyNotFound),
        ("objects[2]", KeyNotFound),
    ]
    assert "hunter2" not in str(failures)


def test_contents_do_not_print() -> None:
    assert "hunter2" not in repr(MountedFile("a", 0o400, b"hunter2"))


def test_an_answer_too_large_tells_sizes_and_the_largest_files() -> None:
    files = [MountedFile(f"f{size}", 0o400, bytes(size)) for size in (10, 5000, 30, 4000, 20)]
    check_size(files, 20_000)
    with pytest.raises(AnswerTooLarge) as error:
        check_size(files, 9_000)
    assert '"f5000" (5000 bytes), "f4000" (4000 bytes), "f30" (30 bytes)' in str(error.value)
    assert "9000" in str(error.value)


@pytest.mark.parametrize("count", [1, 300, 5000])
def test_the_size_is_never_less_than_the_answers(count: int) -> None:
    from provider.v1alpha1 import service_pb2  # noqa: PLC0415 - the oracle, of no other test

    files = [MountedFile("ü" * 100 + str(i), 0o7777, bytes(200)) for i in range(count)]
    answer = service_pb2.MountResponse()
    for file in files:
        answer.files.add(path=file.path, mode=file.mode, contents=file.content)
        answer.object_version.add(id=file.path, version="0" * 64)
    with pytest.raises(AnswerTooLarge):
        check_size(files, answer.ByteSize())
