"""What `explain` tells of one class: who asks, what is called, which files come of it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from provider.tools.rehearsal import NODE_REGION, Call, Rehearsal
from provider.tools.review.classes import Reviewed
from provider.tools.review.delivered import File
from provider.tools.terminal import Column, Paint, printable, table
from provider.csi.request.model import Auth

_NODES = "the node's"
_SHARED: Mapping[Auth, str] = {
    "irsa": "all pods of the service account on a node share credentials and values",
    "pod-identity": "each pod has credentials of its own, for its session carries its name",
    "auto": "by EKS Pod Identity where there is an association, as is assumed here, else by IRSA",
}
_REMARKS = {
    "kubernetes:get serviceaccounts": "of the daemon's own service account; kept for a minute",
    "pod identity agent:GET /v1/credentials": "by an association of the service account",
    "sts:AssumeRoleWithWebIdentity": "by the role's trust policy",
    "sts:AssumeRole": "by the trust policy of the role that is assumed, too",
    "secretsmanager:DescribeSecret": "may be left out: a remount then fetches the value instead",
}
_KMS = "kms:Decrypt is needed as well where a key is not AWS's own (aws/secretsmanager, aws/ssm)."


@dataclass(frozen=True, slots=True)
class Explained:
    """One class, explained."""

    reviewed: Reviewed
    kind: Auth
    audience: str
    rehearsal: Rehearsal
    files: Sequence[File]

    def as_text(self, paint: Paint) -> str:
        """For people."""
        lines = [
            paint(
                "bold", printable(f"{self.reviewed.manifest.path} ({self.reviewed.source.name})")
            ),
            "",
            paint("bold", "Identity"),
            f"  {printable(self.rehearsal.identity)}",
            f"  proved by the pod's token of audience {self.audience}",
            f"  {_SHARED[self.kind]}",
            "",
            paint("bold", "Calls"),
            *_indented(table(_CALLS, [row.cells for row in self._calls()])),
            "  FIRST is a pod's first mount, REMOUNT any later one once --rotation-poll-interval",
            "  is over; within it there is none. Credentials are asked for once while they last.",
            "",
            paint("bold", "Files"),
            *_indented(table(_FILES, [_file_cells(file) for file in self.files])),
            "",
            paint("bold", "Permissions"),
            *_indented(table(_PERMISSIONS, list(self._permissions()))),
            f"  {_KMS}",
            "",
        ]
        return "\n".join(lines)

    def as_json(self) -> Mapping[str, object]:
        """For programs; fields may be added, none will change."""
        return {
            "class": self.reviewed.name,
            "namespace": self.reviewed.klass.namespace,
            "file": self.reviewed.source.name,
            "identity": {
                "kind": self.kind,
                "name": self.rehearsal.identity,
                "audience": self.audience,
            },
            "calls": [row.entry for row in self._calls()],
            "files": [_file_entry(file) for file in self.files],
            "permissions": [
                {"action": action, "resources": list(names), "remark": _REMARKS.get(action, "")}
                for action, names in self._needed().items()
            ],
        }

    def _calls(self) -> Iterator["_Row"]:
        first, remount = self.rehearsal.first, self.rehearsal.remount
        for call in sorted(
            {*first, *remount}, key=lambda one: (_order(one), one not in first, one)
        ):
            yield _Row(call, first.count(call), remount.count(call))

    def _needed(self) -> Mapping[str, Sequence[str]]:
        needed: dict[str, dict[str, None]] = {}
        for row in self._calls():
            needed.setdefault(row.call.action, {}).update(dict.fromkeys(row.call.names))
        return {action: list(names) for action, names in needed.items()}

    def _permissions(self) -> Iterator[Sequence[str]]:
        for action, names in self._needed().items():
            for index, name in enumerate(names or [""]):
                remark = _REMARKS.get(action, "") if index == 0 else ""
                yield (action if index == 0 else "", printable(name), remark)


@dataclass(frozen=True, slots=True)
class _Row:
    """One call, and how often it is made."""

    call: Call
    first: int
    remount: int

    @property
    def cells(self) -> Sequence[str]:
        """As a line of the table."""
        call = self.call
        name = f"{call.service}: {call.operation}" if not call.region else call.action
        asked = printable(", ".join(call.names)) + (
            f" ({printable(call.detail)})" if call.detail else ""
        )
        region = _NODES if call.region == NODE_REGION else call.region
        return (name, region, str(self.first or "-"), str(self.remount or "-"), asked)

    @property
    def entry(self) -> Mapping[str, object]:
        """As an entry of the JSON."""
        call = self.call
        is_known = call.region != NODE_REGION
        return {
            "service": call.service,
            "operation": call.operation,
            "region": call.region if is_known else None,
            "host": call.host if is_known else None,
            "names": list(call.names),
            "version": call.detail,
            "firstMount": self.first,
            "remount": self.remount,
        }


_CALLS = (
    Column("CALL"),
    Column("REGION"),
    Column("FIRST", is_number=True),
    Column("REMOUNT", is_number=True),
    Column("OF"),
)
_FILES = (Column("FILE"), Column("MODE"), Column("FROM"))
_PERMISSIONS = (Column("ACTION"), Column("ON"), Column("REMARK"))


_EARLY = (
    "kubernetes:get serviceaccounts",
    "pod identity agent:GET /v1/credentials",
    "sts:AssumeRoleWithWebIdentity",
    "sts:AssumeRole",
)


def _order(call: Call) -> int:
    """Who the pod is comes before what it reads."""
    return _EARLY.index(call.action) if call.action in _EARLY else len(_EARLY)


def _file_cells(file: File) -> Sequence[str]:
    return (printable(file.path), f"{file.mode:04o}", f"{file.object}: {printable(file.source)}")


def _file_entry(file: File) -> Mapping[str, object]:
    return {
        "path": file.path,
        "several": file.several is not None,
        "mode": f"{file.mode:04o}",
        "object": file.object,
        "from": file.source,
    }


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def as_json(explained: Iterable[Explained]) -> str:
    """A list: files may hold several classes."""
    return json.dumps([one.as_json() for one in explained], indent=2) + "\n"
