"""File names: how they are made from object names, and which of them the driver accepts.

The rules are those of the driver (`pkg/util/fileutil`). One invalid path makes it refuse the whole
answer.
"""

from collections.abc import Iterator, Sequence

from provider.manifests.problems import quote

_ELEMENT_BYTES = 255
_PATH_BYTES = 4096


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
    if not path:
        return "makes no file name"
    for start in ("/", ".."):
        if path.startswith(start):
            return f"makes a file name that begins with {start}"
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


def clashes(files: Sequence[tuple[str, str]]) -> Iterator[tuple[int, str]]:
    """Position and reason of each file that cannot be beside another one.

    `files` are paths, each with its owner: the name for it in messages.
    """
    first: dict[str, int] = {}
    for index, (file, _) in enumerate(files):
        if (holder := first.setdefault(file, index)) != index:
            yield index, f"{quote(file)} is already used by {files[holder][1]}"
    # Sorted like this, a file that is also a folder comes right before what is in the folder.
    above: list[str] = []
    for file in sorted(first, key=lambda path: path.replace("/", "\0")):
        while above and not file.startswith(above[-1] + "/"):
            above.pop()
        if above:
            folder, owner = files[first[above[-1]]]
            why = f"needs the folder {quote(folder)}, which is a file of {owner}"
            yield first[file], f"{quote(file)} {why}"
        above.append(file)
