"""File names: how they are made from object names, and which of them the driver accepts.

The rules are those of the driver (`pkg/util/fileutil`). One invalid path makes it refuse the whole
answer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from provider.manifests.problems import quote

_ELEMENT_BYTES = 255
_PATH_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Claim:
    """A file, and the place in the class that asks for it."""

    file: str
    place: str
    """Path of the key that names it, such as `objects[0].objectAlias`."""
    owner: str
    """Path of the entry that it belongs to, such as `objects[0]`."""
    line: int = 0
    column: int = 0


def translate(name: str, separator: str | None) -> str:
    """The file name of an object: `separator` for each `/`, or folders if it is None."""
    return name.lstrip("/") if separator is None else name.replace("/", separator)


def fault_in(path: str) -> str | None:
    """Why the driver refuses this path; None if it accepts it."""
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "is not valid UTF-8"
    if size > _PATH_BYTES:
        return f"makes a file name of {size} bytes, {_PATH_BYTES} are the limit"
    if not path or path.startswith(("/", "..")):
        begins = path[: 1 if path.startswith("/") else 2]
        return f"makes a file name that begins with {begins}" if path else "makes no file name"
    return next(filter(None, map(_fault_in_element, path.split("/"))), None)


def _fault_in_element(element: str) -> str | None:
    if not element:
        return "makes a file name with an empty element (// or a / at the end)"
    if element in {".", ".."}:
        return f'makes a file name with the element "{element}"'
    if "\0" in element:
        return "makes a file name with a NUL"
    size = len(element.encode())
    if size > _ELEMENT_BYTES:
        return f"makes a file name of {size} bytes between slashes, {_ELEMENT_BYTES} are the limit"
    return None


def clashes(claims: Iterable[Claim]) -> Iterator[tuple[Claim, str]]:
    """Claims that conflict with an earlier one, each with the reason."""
    first: dict[str, Claim] = {}
    for claim in claims:
        holder = first.setdefault(claim.file, claim)
        if holder is not claim:
            yield claim, f"{quote(claim.file)} is already used by {holder.owner}"
    yield from _folder_clashes(first)


def _folder_clashes(files: dict[str, Claim]) -> Iterator[tuple[Claim, str]]:
    """Files that are folders of other files: sorted, a folder comes right before its content."""
    above: list[str] = []
    for file in sorted(files, key=lambda path: path.replace("/", "\0")):
        while above and not file.startswith(above[-1] + "/"):
            above.pop()
        if above:
            folder = files[above[-1]]
            why = f"needs the folder {quote(folder.file)}, which is a file of {folder.owner}"
            yield files[file], f"{quote(file)} {why}"
        above.append(file)
