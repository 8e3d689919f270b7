"""Checks the documentation against the code: `python -m scripts.check_docs`.

- docs/errors.md explains every error with its gRPC status.
- Links in all documents lead to existing files and headings.
- docs/runbooks.md has a section for each alert, and none for an alert that does not exist.
- docs/threat-model.md names existing tests, and has a test for each threat and fault.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from provider import errors
from provider.csi.server.statuses import STATUSES
from provider.errors import ProviderError

ROOT = Path(__file__).parents[1]
SECTIONS = (
    ("## Threats", "## Faults", "| threat | counter-measure | held by |"),
    ("## Faults", "## What remains", "| fault | what happens | held by |"),
)
"""First heading, next heading and head of the tables in the threat model."""
FEWEST_ROWS = 15
_LINK = re.compile(r"\]\((?!\w+:)([^)\s]+)\)")
"""To a file or a heading, not to another site."""
_NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def unexplained_errors(document: str) -> Iterator[str]:
    """Each class of `provider.errors` without a row in errors.md, or with another status."""
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in document.splitlines()
        if line.startswith("| ")
    ]
    statuses = {reason: row[1] for row in rows for reason in row[0].split(", ")}
    for error in _subclasses(ProviderError):
        status = STATUSES[error.kind].name
        if statuses.get(error.__name__) != status:
            yield f"docs/errors.md: no row for {error.__name__} with {status}"


def _subclasses(error: type[ProviderError]) -> Iterator[type[ProviderError]]:
    for one in error.__subclasses__():
        if one.__module__ == errors.__name__:
            yield one
            yield from _subclasses(one)


def broken_links(documents: Iterable[Path]) -> Iterator[str]:
    """Each relative link that leads to no file, or to no heading of a document."""
    for document in documents:
        for target in _LINK.findall(document.read_text()):
            path, _, heading = target.partition("#")
            file = document.parent / path if path else document
            if not file.exists():
                yield f"{document.name}: broken link {target}"
            elif heading and file.suffix == ".md" and heading not in anchors(file.read_text()):
                yield f"{document.name}: broken link {target}: no such heading"


def anchors(document: str) -> set[str]:
    """The names by which links reach the headings of a Markdown document, as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", document, re.MULTILINE):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading.lower())
        name = re.sub(r"[^\w -]", "", text).strip().replace(" ", "-")
        again = sum(1 for one in found if re.fullmatch(rf"{re.escape(name)}(-\d+)?", one))
        found.add(f"{name}-{again}" if again else name)
    return found


def runbook_faults(document: str, rules: str) -> Iterator[str]:
    """Each alert without a section in the runbooks, and each section without an alert."""
    alerts = set(re.findall(r"^ *- alert: (\w+)$", rules, re.MULTILINE))
    sections = set(re.findall(r"^### (\w+)$", document, re.MULTILINE))
    yield from (f"docs/runbooks.md: no section for {one}" for one in sorted(alerts - sections))
    yield from (f"docs/runbooks.md: no alert is named {one}" for one in sorted(sections - alerts))


def missing_tests(document: str, root: Path = ROOT) -> Iterator[str]:
    """Each test that the threat model names and that does not exist."""
    for file, test in sorted(set(_NAMED_TEST.findall(document))):
        if not (root / file).exists() or test not in _functions(root / file):
            yield f"docs/threat-model.md: no test {file}::{test}"


def _functions(file: Path) -> set[str]:
    body = ast.parse(file.read_text()).body
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in body if isinstance(node, kinds)}


def untested_rows(document: str) -> Iterator[str]:
    """Each threat or fault without a counter-measure or a test."""
    for begin, end, head in SECTIONS:
        lines = document.partition(f"\n{begin}\n")[2].partition(f"\n{end}\n")[0].splitlines()
        rows = [line for line in lines if line.startswith("| ") and line != head]
        if len(rows) < FEWEST_ROWS:
            yield f"docs/threat-model.md: only {len(rows)} rows in {begin}"
        for row in rows:
            _, measure, tests = (cell.strip() for cell in row.strip("|").split("|"))
            if not measure or "::test_" not in tests:
                yield f"docs/threat-model.md: without measure or test: {row}"


def pages() -> list[Path]:
    """All documents of the repository."""
    folders = (ROOT / name for name in ("docs", "deploy", "tests"))
    return [*sorted(ROOT.glob("*.md")), *(one for path in folders for one in path.rglob("*.md"))]


def main() -> int:
    """Print every mistake; 1 if there are any."""
    threat_model = (ROOT / "docs/threat-model.md").read_text()
    rules = "".join(file.read_text() for file in (ROOT / "deploy/alerts").glob("*.yaml"))
    found = [
        *unexplained_errors((ROOT / "docs/errors.md").read_text()),
        *broken_links(pages()),
        *runbook_faults((ROOT / "docs/runbooks.md").read_text(), rules),
        *missing_tests(threat_model),
        *untested_rows(threat_model),
    ]
    for line in found:
        sys.stderr.write(f"{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
