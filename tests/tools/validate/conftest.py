"""Classes to review, written as text."""

from collections.abc import Callable

import pytest

from provider.tools.sources import Source
from provider.tools.validate.findings import Finding
from provider.tools.validate.review import review

Reviews = Callable[..., list[Finding]]

HEAD = """\
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata:
  name: shop
"""


def with_objects(objects: str, *, parameters: str = "region: eu-west-1", rest: str = "") -> str:
    """A class with these objects (lines of YAML), parameters and further keys of its spec."""
    return (
        f"{HEAD}spec:\n  provider: aws\n  parameters:\n"
        + _indented(parameters, 4)
        + "    objects: |\n"
        + _indented(objects, 6)
        + _indented(rest, 2)
    )


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.strip("\n").splitlines() if line)


@pytest.fixture
def reviewed() -> Reviews:
    """Findings of texts that are named a, b, …"""

    def run(*texts: str, region: str | None = None) -> list[Finding]:
        sources = [Source(name, text) for name, text in zip("abc", texts, strict=False)]
        return list(review(sources, region).findings)

    return run
