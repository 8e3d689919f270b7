"""The status as a table: a line for each mount, its objects and its error below it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from provider.tools.status.lines import LEAST_WIDTH, ago, read_secrets, span, time_of, wrapped
from provider.tools.terminal import Colour, Column, Paint, counted, printable, table

Document = Mapping[str, Any]

_COLUMNS = (Column("POD"), Column("CLASS"), Column("STATE"), Column("SUCCESS"), Column("ATTEMPT"))
_COLOURS: Mapping[str, Colour] = {"failing": "red", "failed": "red", "ok": "green"}


def as_text(document: Document, paint: Paint, width: int) -> str:
    """The table. Lines of errors are wrapped at `width`; names and versions are never cut."""
    mounts: Sequence[Document] = document["mounts"]
    lines = [_summary(document)]
    if mounts:
        now = time_of(document["now"])
        head, *rows = table(_COLUMNS, [_cells(mount, now) for mount in mounts])
        lines += ["", paint("bold", head)]
        for mount, row in zip(mounts, rows, strict=True):
            lines += [paint(_COLOURS[_state(mount)], row)]
            lines += _details(mount, now, paint, max(width, LEAST_WIDTH))
    return "\n".join(lines) + "\n"


def _summary(document: Document) -> str:
    provider, mounts = document["provider"], document["mounts"]
    failing = sum(mount["failing"] for mount in mounts)
    node = f" on {printable(provider['node'])}" if provider["node"] else ""
    up = span(time_of(document["now"]) - time_of(provider["started"]))
    busy = provider["mountsInProgress"] + provider["mountsWaiting"]
    return (
        f"{counted(len(mounts), 'live mount')}, {failing} failing, "
        f"{busy} under way; version {provider['version']}{node}, up {up}"
    )


def _cells(mount: Document, now: float) -> Sequence[str]:
    return (
        printable(f"{mount['namespace']}/{mount['pod']}"),
        printable(mount["class"]) or "?",
        _state(mount),
        ago(mount["lastSuccess"], now),
        ago(mount["lastAttempt"], now),
    )


def _state(mount: Document) -> str:
    """`failing` still has the files of an earlier mount, `failed` never had any."""
    if not mount["failing"]:
        return "ok"
    return "failing" if mount["lastSuccess"] else "failed"


def _details(mount: Document, now: float, paint: Paint, width: int) -> Iterator[str]:
    identities = filter(None, [mount["identity"]])
    yield from read_secrets(identities, mount["objects"], mount["objectCount"], width, paint)
    if mount["failing"]:
        error = mount["lastError"]
        times = f"{mount['failures']} times in a row" if mount["failures"] > 1 else "once"
        title = f"{error['reason']}, {times}, id {mount['id']}:"
        yield from wrapped(title, width, paint, "red")
        for line in printable(error["text"], lines=True).splitlines():
            yield from wrapped(line, width, paint, "red", indent=6)
    elif mount["lastError"]:
        error = mount["lastError"]
        text = f"last failure {ago(error['at'], now)}: {error['reason']}"
        yield from wrapped(text, width, paint, "dim")
