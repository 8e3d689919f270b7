"""What may keep a converted class from being mounted, or its Secret from being created."""

from collections.abc import Iterator
from itertools import combinations

from provider.csi.request.model import ClassSpec
from provider.tools.class_files import File, files
from provider.tools.sources import Source
from provider.tools.validate.review import review


def clashes(spec: ClassSpec) -> Iterator[str]:
    """Files that have one name, or may have one: the mount then fails."""
    for one, other in combinations(files(spec), 2):
        if one.several is None and other.several is None:
            if one.path == other.path:
                yield f"{_called(one)} and {_called(other)} have one name: the mount fails"
        elif _may_meet(one, other):
            yield (
                f"{_called(one)} and {_called(other)} may have one name, and the mount then fails: "
                "give the keys of the secret with --keys"
            )


def findings(text: str) -> Iterator[str]:
    """What `validate` reports for a class as it is written, apart from notes."""
    for finding in review([Source("class", text)]).findings:
        if finding.level != "note":
            yield finding.text


def _may_meet(one: File, other: File) -> bool:
    if one.several is not None and other.several is not None:
        return True
    return one.may_be(other.path) or other.may_be(one.path)


def _called(file: File) -> str:
    return f"the keys of {file.object}" if file.several else f'the file "{file.path}"'
