"""The status of a daemon and of a controller as tables: what fails has its error below its line.

Lines of errors are wrapped at the width; names and versions are never cut.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from textwrap import wrap
from typing import Any

from provider.tools.terminal import Colour, Column, Paint, counted, printable, table

Document = Mapping[str, Any]

_LEAST_WIDTH = 40
_MOUNTS = (Column("POD"), Column("CLASS"), Column("STATE"), Column("SUCCESS"), Column("ATTEMPT"))
_EXTERNAL_SECRETS = (
    Column("EXTERNALSECRET"),
    Column("STORE"),
    Column("STATE"),
    Column("REFRESHED"),
    Column("NEXT"),
    Column("CALLS", is_number=True),
)
_SHARED = (Column("SHARED SECRET"), Column("REGION"), Column("BY", is_number=True))
_SECRETS = (Column("SECRET"), Column("VERSION"), Column("TYPE"), Column("REGION"))
_COLOURS: Mapping[str, Colour] = {
    "ok": "green",
    "waiting": "yellow",
    "failing": "red",
    "failed": "red",
}


def daemon_table(document: Document, paint: Paint, width: int) -> str:
    """A line for each mount, with its objects and its error below it."""
    width, now = max(width, _LEAST_WIDTH), _time(document["now"])
    mounts: Sequence[Document] = document["mounts"]
    lines = [_daemon_summary(document)]
    if mounts:
        head, *rows = table(_MOUNTS, [_mount_cells(mount, now) for mount in mounts])
        lines += ["", paint("bold", head)]
        for mount, row in zip(mounts, rows, strict=True):
            lines += [paint(_COLOURS[_mount_state(mount)], row)]
            lines += _mount_details(mount, now, paint, width)
    return "\n".join(lines) + "\n"


def _daemon_summary(document: Document) -> str:
    provider, mounts = document["provider"], document["mounts"]
    failing = sum(mount["failing"] for mount in mounts)
    node = f" on {printable(provider['node'])}" if provider["node"] else ""
    up = span(_time(document["now"]) - _time(provider["started"]))
    busy = provider["mountsInProgress"] + provider["mountsWaiting"]
    return (
        f"{counted(len(mounts), 'live mount')}, {failing} failing, {busy} under way; "
        f"version {provider['version']}{node}, up {up}"
    )


def _mount_cells(mount: Document, now: float) -> Sequence[str]:
    return (
        printable(f"{mount['namespace']}/{mount['pod']}"),
        printable(mount["class"]) or "?",
        _mount_state(mount),
        _ago(mount["lastSuccess"], now),
        _ago(mount["lastAttempt"], now),
    )


def _mount_state(mount: Document) -> str:
    """`failing` still has the files of an earlier mount, `failed` never had any."""
    if not mount["failing"]:
        return "ok"
    return "failing" if mount["lastSuccess"] else "failed"


def _mount_details(mount: Document, now: float, paint: Paint, width: int) -> Iterator[str]:
    identities = filter(None, [mount["identity"]])
    yield from _secrets(identities, mount["objects"], mount["objectCount"], width, paint)
    error = mount["lastError"]
    if mount["failing"]:
        times = f"{mount['failures']} times in a row" if mount["failures"] > 1 else "once"
        title = f"{error['reason']}, {times}, id {mount['id']}:"
        yield from _wrapped(title, width, paint, "red")
        for line in printable(error["text"], lines=True).splitlines():
            yield from _wrapped(line, width, paint, "red", indent=6)
    elif error:
        text = f"last failure {_ago(error['at'], now)}: {error['reason']}"
        yield from _wrapped(text, width, paint, "dim")


def controller_table(document: Document, paint: Paint, width: int) -> str:
    """Stores that fail, a line for each ExternalSecret, and the secrets that several read."""
    width, controller = max(width, _LEAST_WIDTH), document["controller"]
    if not controller["leading"]:
        leader = printable(controller["leader"])
        where = f"the leader is {leader}: ask there" if leader else "there is no leader"
        return f"{printable(controller['pod'])} is not the leader, and works on nothing; {where}\n"
    lines = [
        _controller_summary(document),
        *_stores(document, paint, width),
        *_external_secrets(document, paint, width),
        *_shared(document, paint, width),
    ]
    return "\n".join(lines) + "\n"


def _controller_summary(document: Document) -> str:
    controller, counts, queue = document["controller"], document["counts"], document["queue"]
    up = span(_time(document["now"]) - _time(controller["started"]))
    return (
        f"{counted(counts['externalSecrets'], 'ExternalSecret')}, "
        f"{counts['externalSecretsFailing']} not Ready; "
        f"{counted(counts['stores'], 'store')}, {counts['storesFailing']} not Ready; "
        f"{queue['waiting']} waiting, {queue['inProgress']} in progress; "
        f"version {controller['version']} in {printable(controller['pod'])}, up {up}"
    )


def _stores(document: Document, paint: Paint, width: int) -> Iterator[str]:
    """Stores that are not Ready."""
    for store in document["stores"]:
        if store["ready"] != "True":
            name = "/".join(filter(None, (store["namespace"], store["name"])))
            text = f"{store['kind']} {name}: {_why(store)}"
            yield ""
            yield from _wrapped(text, width, paint, "red", indent=0)


def _external_secrets(document: Document, paint: Paint, width: int) -> Iterator[str]:
    found: Sequence[Document] = document["externalSecrets"]
    if not found:
        return
    now = _time(document["now"])
    head, *rows = table(_EXTERNAL_SECRETS, [_cells(one, now) for one in found])
    yield from ("", paint("bold", head))
    for one, row in zip(found, rows, strict=True):
        secrets = one.get("secrets") or []
        identities = dict.fromkeys(secret["identity"] for secret in secrets)
        yield paint(_COLOURS[_state(one)], row)
        yield from _secrets(identities, secrets, one.get("secretCount", 0), width, paint)
        if one["ready"] == "False":
            yield from _wrapped(_why(one), width, paint, "red")
    if (more := document["counts"]["externalSecrets"] - len(found)) > 0:
        yield f"… and {more} more"


def _cells(one: Document, now: float) -> Sequence[str]:
    stores = one.get("stores") or ["-"]
    more = f" +{len(stores) - 1}" if len(stores) > 1 else ""
    calls, due = one.get("calls"), one.get("next")
    return (
        printable(f"{one['namespace']}/{one['name']}"),
        printable(stores[0]) + more,
        _state(one),
        _ago(one.get("lastRefresh"), now),
        "-" if due is None else f"in {span(max(0.0, _time(due) - now))}",
        "-" if calls is None else str(calls),
    )


def _state(one: Document) -> str:
    """`failing` was refreshed before, `failed` never, `waiting` was not tried yet."""
    if one["ready"] == "True":
        return "ok"
    if one["ready"] == "Unknown":
        return "waiting"
    return "failing" if one.get("lastRefresh") else "failed"


def _why(one: Document) -> str:
    return ": ".join(filter(None, (one["reason"], one["message"]))) or "not checked yet"


def _shared(document: Document, paint: Paint, width: int) -> Iterator[str]:
    """Secrets that several ExternalSecrets read as one identity, and so by one call."""
    found: Sequence[Document] = document["shared"]
    if not found:
        return
    rows = [
        (printable(one["name"]), printable(one["region"]), str(one["externalSecretCount"]))
        for one in found
    ]
    head, *lines = table(_SHARED, rows)
    yield from ("", paint("bold", head))
    for one, line in zip(found, lines, strict=True):
        more = one["externalSecretCount"] - len(one["externalSecrets"])
        names = ", ".join(one["externalSecrets"]) + (f" and {more} more" if more > 0 else "")
        yield line
        yield from _wrapped(f"{names}, as {one['identity']}", width, paint, "dim")


def _secrets(
    identities: Iterable[str], found: Sequence[Document], count: int, width: int, paint: Paint
) -> Iterator[str]:
    """Who reads, and the secrets that were read; `count` is the number of all of them."""
    for identity in identities:
        yield from _wrapped(f"as {identity}", width, paint, "dim")
    keys = ("name", "version", "type", "region")
    rows = [[printable(one[key]) for key in keys] for one in found]
    yield from (f"    {row}" for row in [*table(_SECRETS, rows)][1:])
    if (more := count - len(found)) > 0:
        yield f"    … and {more} more"


def _wrapped(text: str, width: int, paint: Paint, colour: Colour, indent: int = 4) -> Iterator[str]:
    """The lines of a text, indented."""
    margin = " " * indent
    for line in wrap(printable(text, lines=True), width - indent, break_on_hyphens=False) or [""]:
        yield margin + paint(colour, line)


def _ago(moment: str | None, now: float) -> str:
    return "never" if moment is None else f"{span(now - _time(moment))} ago"


def span(seconds: float) -> str:
    """A duration in one unit: `45s`, `12m`, `3h`, `4d`."""
    for unit, size, limit in (("s", 1, 120), ("m", 60, 120 * 60), ("h", 3600, 48 * 3600)):
        if seconds < limit:
            return f"{max(0, int(seconds / size))}{unit}"
    return f"{int(seconds / 86400)}d"


def _time(moment: str) -> float:
    """A time of a document, in seconds since 1970."""
    return datetime.fromisoformat(moment).timestamp()
