"""Documents that list what the code has: nothing may be missing from them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from provider import errors
from provider.errors import ProviderError

ROOT = Path(__file__).parents[1]


def reasons(error: type[ProviderError] = ProviderError) -> Iterator[type[ProviderError]]:
    """All errors that this package's tree has, without those of tests."""
    for one in error.__subclasses__():
        if one.__module__ == errors.__name__:
            yield one
            yield from reasons(one)


@pytest.mark.parametrize("error", list(reasons()), ids=lambda error: error.__name__)
def test_every_reason_is_explained_with_its_status(error: type[ProviderError]) -> None:
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in (ROOT / "docs/errors.md").read_text().splitlines()
        if line.startswith("| ")
    ]
    statuses = {
        reason: row[1] for row in rows for reason in row[0].replace(",", "").split() if row[1]
    }
    assert statuses[error.__name__] == error.status


@pytest.mark.parametrize(
    "document",
    [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))],
    ids=lambda path: path.name,
)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text()
    for target in text.split("](")[1:]:
        link = target.split(")")[0].split("#")[0]
        if link and not link.startswith("http"):
            assert (document.parent / link).exists(), link
