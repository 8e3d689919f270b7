"""The output of `kubectl get -o json` or `-o yaml`: objects, also those of lists."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from provider.manifests.entries import Findings
from provider.manifests.kubernetes import find_manifests
from provider.tools.ending import CommandFailed
from provider.tools.preflight.differences import Document
from provider.tools.resources.documents import as_json

MOST_BYTES = 256 * 2**20
"""Of one file, or of one answer of kubectl."""
_MOST_LEVELS = 64


def read_documents(name: str) -> list[Document]:
    """The objects of a file, or of stdin for `-`; raises `CommandFailed`."""
    called = "stdin" if name == "-" else name
    try:
        content = _read(name)
    except OSError as error:
        raise CommandFailed(2, f"cannot read {called}: {error.strerror}") from error
    return parse_documents(content, called)


def parse_documents(content: bytes, called: str) -> list[Document]:
    """The objects of a JSON or YAML text; raises `CommandFailed`."""
    if len(content) > MOST_BYTES:
        size = f"it is larger than {MOST_BYTES // 2**20} MiB"
        raise CommandFailed(2, f"cannot read {called}: {size}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CommandFailed(2, f"cannot read {called}: it is not UTF-8") from None
    if text.lstrip()[:1] not in ("{", "["):
        return [*_of_yaml(text, called)]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, ValueError) else "it is nested too deep"
        raise CommandFailed(2, f"{called}: is not JSON: {why}") from None
    return [*_objects(value, called)]


def _read(name: str) -> bytes:
    if name != "-":
        with Path(name).open("rb") as file:
            return file.read(MOST_BYTES + 1)
    if sys.stdin is None:
        raise OSError(9, "it is closed")
    return sys.stdin.buffer.read(MOST_BYTES + 1)


def _of_yaml(text: str, called: str) -> Iterator[Document]:
    noted = Findings()
    for manifest in find_manifests(text, noted):
        yield from _objects(as_json(manifest.node), called)
    if noted.problems:
        first = noted.problems[0]
        raise CommandFailed(2, f"{called}:{first.line}:{first.column}: {first.message}")


def _objects(value: object, called: str) -> Iterator[Document]:
    """The objects of a value, also of a list of lists."""
    if isinstance(value, list):
        for one in value:
            yield from _objects(one, called)
        return
    if not isinstance(value, dict):
        raise CommandFailed(2, f"{called}: holds something that is no Kubernetes object")
    items = value.get("items")
    if str(value.get("kind")).endswith("List") and isinstance(items, list):
        yield from (one for item in items for one in _objects(item, called))
    elif _depth(value) > _MOST_LEVELS:
        raise CommandFailed(2, f"{called}: an object is nested too deep")
    else:
        yield value


def _depth(value: object) -> int:
    """The levels of a value, without recursion."""
    levels, now = 0, [value]
    while now and levels <= _MOST_LEVELS:
        levels += 1
        inner = [one for one in now if isinstance(one, dict | list)]
        now = [more for one in inner for more in (one.values() if isinstance(one, dict) else one)]
    return levels
