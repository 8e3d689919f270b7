"""The changes that `mount` made to a folder, as a table or as JSON. It never shows values."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from provider.csi.files.layout import MountedFile
from provider.csi.files.writer import Change, Kind
from provider.tools.terminal import Colour, Column, Paint, printable, table

_MARKS: Mapping[Kind, tuple[str, Colour]] = {
    "added": ("+", "green"),
    "changed": ("~", "yellow"),
    "unchanged": ("=", "dim"),
    "removed": ("-", "red"),
}
_COLUMNS = (Column("  FILE"), Column("BYTES", is_number=True), Column("MODE"), Column("VERSION"))


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one mount. `seconds` is the time that fetching took."""

    class_name: str
    target: Path
    files: Sequence[MountedFile]
    changes: Sequence[Change]
    dry_run: bool
    seconds: float

    def as_text(self, paint: Paint) -> str:
        head, *rows = table(_COLUMNS, [self._cells(change) for change in self.changes])
        coloured = (
            paint(_MARKS[change.kind][1], row)
            for change, row in zip(self.changes, rows, strict=True)
        )
        return "\n".join([paint("bold", head), *coloured, "", self._summary(), ""])

    def as_json(self) -> str:
        """JSON for programs. Fields may be added, but none will change."""
        document = {
            "class": self.class_name,
            "target": str(self.target),
            "dryRun": self.dry_run,
            "seconds": round(self.seconds, 3),
            "files": [self._entry(change) for change in self.changes],
        }
        return json.dumps(document, indent=2) + "\n"

    def _cells(self, change: Change) -> Sequence[str]:
        mark, _ = _MARKS[change.kind]
        path, file = f"{mark} {printable(change.path)}", self._file(change)
        if file is None:
            return (path, "", "", "")
        return (path, str(len(file.content)), f"{file.mode:04o}", printable(file.version))

    def _summary(self) -> str:
        counts = Counter(change.kind for change in self.changes)
        counted = ", ".join(f"{counts[kind]} {kind}" for kind in _MARKS if counts[kind])
        target = printable(str(self.target))
        if self.dry_run:
            return f"Nothing written to {target}. It would be: {counted} ({self.seconds:.2f} s)."
        if counts.keys() == {"unchanged"}:
            return f"{target} is up to date: {counted} ({self.seconds:.2f} s)."
        return f"Written to {target}: {counted} ({self.seconds:.2f} s)."

    def _entry(self, change: Change) -> Mapping[str, object]:
        entry: dict[str, object] = {"path": change.path, "change": change.kind}
        if (file := self._file(change)) is not None:
            entry["bytes"] = len(file.content)
            entry["mode"] = f"{file.mode:04o}"
            entry["version"] = file.version or None
        return entry

    def _file(self, change: Change) -> MountedFile | None:
        return next((file for file in self.files if file.path == change.path), None)
