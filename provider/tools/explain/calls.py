"""The calls of two runs as a table, and what is not known about them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from provider.kube.kinds import ROLE_ANNOTATION
from provider.tools.sample_aws import Call
from provider.tools.terminal import Column, Paint, printable, table
from provider.tools.validate.findings import LocatedManifest

NODE_REGION = "node-region"
"""Stands for the region of the node, if the class names none."""
UNKNOWN_ROLE = "(not known)"
"""Stands for the role of a service account that the files do not have."""

_EARLY = ("kubernetes", "pod identity agent", "sts")
"""Services that are asked before values are read."""
_WIDTH = 78


@dataclass(frozen=True, slots=True)
class CountedCall:
    """One call, and how often the first run and a later one make it."""

    call: Call
    first: int
    later: int

    @property
    def names(self) -> Sequence[str]:
        """What it asks for, as far as it is known."""
        return [name for name in self.call.names if name != UNKNOWN_ROLE]

    def entry(self, first: str, later: str) -> Mapping[str, object]:
        """The entry of the JSON; `first` and `later` are the names of the counts."""
        call = self.call
        is_known = bool(call.region) and call.region != NODE_REGION
        return {
            "service": call.service,
            "operation": call.operation,
            "region": call.region if is_known else None,
            "host": call.host if is_known else None,
            "names": self.names,
            "version": call.detail,
            first: self.first,
            later: self.later,
        }

    def cells(self) -> Sequence[str]:
        """The row of the table."""
        call = self.call
        name = f"{call.service}: {call.operation}" if not call.region else call.action
        detail = f" ({printable(call.detail)})" if call.detail else ""
        asked = printable(", ".join(call.names)) + detail
        region = "the node's" if call.region == NODE_REGION else call.region
        return (name, region, str(self.first or "-"), str(self.later or "-"), asked)


def counted_calls(first: Sequence[Call], later: Sequence[Call]) -> list[CountedCall]:
    """Each call once: first those that authenticate, then those that read."""

    def order(call: Call) -> tuple[int, bool, bool, Call]:
        service = _EARLY.index(call.service) if call.service in _EARLY else len(_EARLY)
        return service, call.operation == "AssumeRole", call not in first, call

    calls = sorted({*first, *later}, key=order)
    return [CountedCall(one, first.count(one), later.count(one)) for one in calls]


def call_table(calls: Iterable[CountedCall], later: str) -> Iterator[str]:
    """The lines of the table; `later` is the title of the second count."""
    columns = (
        Column("CALL"),
        Column("REGION"),
        Column("FIRST", is_number=True),
        Column(later, is_number=True),
        Column("OF"),
    )
    return table(columns, [one.cells() for one in calls])


def text_of(what: LocatedManifest, sections: Mapping[str, Iterable[str]], paint: Paint) -> str:
    """The explanation of a manifest for people: the lines of each section, by its title."""
    title = f"{what.manifest.path} ({what.source.name})"
    lines = [paint("bold", printable(title)), ""]
    for name, content in sections.items():
        lines += [paint("bold", name), *(f"  {line}" for line in content), ""]
    return "\n".join(lines)


def unknown_role(account: str) -> Iterator[str]:
    """Says that the role of a service account (`namespace/name`) is not known: lines of text."""
    namespace, _, name = account.partition("/")
    text = (
        f"The role of {account} is not known: the files hold no ServiceAccount of that name with "
        f"the annotation {ROLE_ANNOTATION}. Add it to the files:"
    )
    yield from wrap(text, _WIDTH, break_on_hyphens=False, break_long_words=False)
    yield f"  kubectl get serviceaccount {name} -n {namespace} -o yaml > serviceaccount.yaml"
