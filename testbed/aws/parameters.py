"""Parameters as Parameter Store keeps them: numbered versions and labels on them."""

import time
from dataclasses import dataclass, field
from typing import Literal

ParameterType = Literal["String", "StringList", "SecureString"]


@dataclass(slots=True)
class ParameterVersion:
    """One version."""

    number: int
    value: str = field(repr=False)
    type: ParameterType
    modified: float
    labels: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Parameter:
    """One parameter in one region."""

    name: str
    arn: str
    versions: dict[int, ParameterVersion] = field(default_factory=dict)
    kms_denied: bool = False
    """The KMS key of its SecureString refuses the caller."""
    tags: dict[str, str] = field(default_factory=dict)

    def put(
        self, value: str, *, kind: ParameterType = "SecureString", labels: tuple[str, ...] = ()
    ) -> int:
        """Add a version; answers its number."""
        number = len(self.versions) + 1
        self.versions[number] = ParameterVersion(number, value, kind, time.time())
        for label in labels:
            self.label(label, number)
        return number

    def label(self, label: str, number: int) -> None:
        """Move a label onto a version."""
        for version in self.versions.values():
            version.labels.discard(label)
        self.versions[number].labels.add(label)

    def select(self, selector: str) -> ParameterVersion | None:
        """The version that a selector (a number, a label, or nothing) means."""
        if not selector:
            return self.versions[max(self.versions)]
        if selector.isdigit():
            return self.versions.get(int(selector))
        for version in self.versions.values():
            if selector in version.labels:
                return version
        return None
