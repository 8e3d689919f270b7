"""The status of a controller as a table: ExternalSecrets, stores that fail, and shared calls."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from provider.tools.status.lines import LEAST_WIDTH, ago, read_secrets, span, time_of, wrapped
from provider.tools.terminal import Colour, Column, Paint, counted, printable, table

Document = Mapping[str, Any]

_COLUMNS = (
    Column("EXTERNALSECRET"),
    Column("STORE"),
    Column("STATE"),
    Column("REFRESHED"),
    Column("NEXT"),
    Column("CALLS", is_number=True),
)
_SHARED_COLUMNS = (Column("SHARED SECRET"), Column("REGION"), Column("BY", is_number=True))
_COLOURS: Mapping[str, Colour] = {
    "ok": "green",
    "waiting": "yellow",
    "failing": "red",
    "failed": "red",
}


def as_text(document: Document, paint: Paint, width: int) -> str:
    """The table. Lines of errors are wrapped at `width`; names and versions are never cut."""
    width = max(width, LEAST_WIDTH)
    if not document["controller"]["leading"]:
        return _not_leading(document)
    lines = [
        _summary(document),
        *_stores(document, paint, width),
        *_external_secrets(document, paint, width),
        *_shared(document, paint, width),
    ]
    return "\n".join(lines) + "\n"


def _not_leading(document: Document) -> str:
    controller = document["controller"]
    leader = printable(controller["leader"])
    where = f"the leader is {leader}: ask there" if leader else "there is no leader"
    return f"{printable(controller['pod'])} is not the leader, and works on nothing; {where}\n"


def _summary(document: Document) -> str:
    controller, counts, queue = document["controller"], document["counts"], document["queue"]
    up = span(time_of(document["now"]) - time_of(controller["started"]))
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
            yield from wrapped(text, width, paint, "red", indent=0)


def _external_secrets(document: Document, paint: Paint, width: int) -> Iterator[str]:
    found: Sequence[Document] = document["externalSecrets"]
    if not found:
        return
    now = time_of(document["now"])
    head, *rows = table(_COLUMNS, [_cells(one, now) for one in found])
    yield from ("", paint("bold", head))
    for one, row in zip(found, rows, strict=True):
        yield paint(_COLOURS[_state(one)], row)
        yield from _details(one, paint, width)
    if (more := document["counts"]["externalSecrets"] - len(found)) > 0:
        yield f"… and {more} more"


def _cells(one: Document, now: float) -> Sequence[str]:
    stores = one.get("stores") or ["-"]
    more = f" +{len(stores) - 1}" if len(stores) > 1 else ""
    calls = one.get("calls")
    return (
        printable(f"{one['namespace']}/{one['name']}"),
        printable(stores[0]) + more,
        _state(one),
        ago(one.get("lastRefresh"), now),
        _until(one.get("next"), now),
        "-" if calls is None else str(calls),
    )


def _until(moment: str | None, now: float) -> str:
    return "-" if moment is None else f"in {span(max(0.0, time_of(moment) - now))}"


def _state(one: Document) -> str:
    """`failing` was refreshed before, `failed` never, `waiting` was not tried yet."""
    if one["ready"] == "True":
        return "ok"
    if one["ready"] == "Unknown":
        return "waiting"
    return "failing" if one.get("lastRefresh") else "failed"


def _details(one: Document, paint: Paint, width: int) -> Iterator[str]:
    secrets = one.get("secrets") or []
    identities = dict.fromkeys(secret["identity"] for secret in secrets)
    yield from read_secrets(identities, secrets, one.get("secretCount", 0), width, paint)
    if one["ready"] == "False":
        yield from wrapped(_why(one), width, paint, "red")


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
    head, *lines = table(_SHARED_COLUMNS, rows)
    yield from ("", paint("bold", head))
    for one, line in zip(found, lines, strict=True):
        more = one["externalSecretCount"] - len(one["externalSecrets"])
        names = ", ".join(one["externalSecrets"]) + (f" and {more} more" if more > 0 else "")
        yield line
        yield from wrapped(f"{names}, as {one['identity']}", width, paint, "dim")
