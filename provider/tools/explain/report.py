"""The output of `explain` for one class: identity, calls, files and permissions."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from provider.csi.request.model import Auth
from provider.tools.class_files import File
from provider.tools.explain.dry_run import NODE_REGION, DryRun
from provider.tools.sample_aws import Call
from provider.tools.terminal import Column, Paint, printable, table
from provider.tools.validate.classes import Reviewed

_NODES = "the node's"
_SHARED: Mapping[Auth, str] = {
    "irsa": "all pods of the service account on a node share credentials and values",
    "pod-identity": "each pod has its own credentials, because the session tags name the pod",
    "auto": "EKS Pod Identity if there is an association (assumed here), otherwise IRSA",
}
_REMARKS = {
    "kubernetes:get serviceaccounts": "of the daemon's service account; cached for a minute",
    "pod identity agent:GET /v1/credentials": "given by an association of the service account",
    "sts:AssumeRoleWithWebIdentity": "given by the trust policy of the role",
    "sts:AssumeRole": "the trust policy of the assumed role must allow it too",
    "secretsmanager:DescribeSecret": "optional: without it, a remount fetches the value instead",
}
_KMS = "Customer managed KMS keys also need kms:Decrypt (aws/secretsmanager and aws/ssm do not)."


class Explanation(Protocol):
    """The explanation of a class or an ExternalSecret."""

    def as_text(self, paint: Paint) -> str:
        """Text for people."""
        ...

    def as_json(self) -> Mapping[str, object]:
        """JSON for programs."""
        ...


@dataclass(frozen=True, slots=True)
class Explained:
    """What is known about mounting one class."""

    reviewed: Reviewed
    kind: Auth
    audience: str
    dry_run: DryRun
    files: Sequence[File]

    def as_text(self, paint: Paint) -> str:
        """Text for people."""
        lines = [
            paint(
                "bold", printable(f"{self.reviewed.manifest.path} ({self.reviewed.source.name})")
            ),
            "",
            paint("bold", "Identity"),
            f"  {printable(self.dry_run.identity)}",
            f"  authenticated by the pod's token for the audience {self.audience}",
            f"  {_SHARED[self.kind]}",
            "",
            paint("bold", "Calls"),
            *_indented(table(_CALLS, [row.cells for row in self._calls()])),
            "  FIRST: the first mount of a pod. REMOUNT: a later one after",
            "  --rotation-poll-interval; until then, remounts make no calls. Credentials are",
            "  cached until they expire.",
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
        """JSON for programs. Fields may be added, but none will change."""
        return {
            "class": self.reviewed.name,
            "namespace": self.reviewed.klass.namespace,
            "file": self.reviewed.source.name,
            "identity": {
                "kind": self.kind,
                "name": self.dry_run.identity,
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
        first, remount = self.dry_run.first, self.dry_run.remount
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
    """One call, and how often each mount makes it."""

    call: Call
    first: int
    remount: int

    @property
    def cells(self) -> Sequence[str]:
        """The row of the table."""
        call = self.call
        name = f"{call.service}: {call.operation}" if not call.region else call.action
        asked = printable(", ".join(call.names)) + (
            f" ({printable(call.detail)})" if call.detail else ""
        )
        region = _NODES if call.region == NODE_REGION else call.region
        return (name, region, str(self.first or "-"), str(self.remount or "-"), asked)

    @property
    def entry(self) -> Mapping[str, object]:
        """The entry of the JSON."""
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
    """The position of a call in the table: authentication before reading."""
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


def as_json(explained: Iterable[Explanation]) -> str:
    """A JSON list with an entry for each class and ExternalSecret."""
    return json.dumps([one.as_json() for one in explained], indent=2) + "\n"
