"""Secrets as Secrets Manager keeps them: versions and the stages that point at them."""

import time
from dataclasses import dataclass, field
from uuid import uuid4

CURRENT = "AWSCURRENT"
PREVIOUS = "AWSPREVIOUS"


@dataclass(slots=True)
class SecretVersion:
    """One version: text or bytes, never both."""

    id: str
    value: str | bytes = field(repr=False)
    created: float
    stages: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Secret:
    """One secret in one region."""

    name: str
    arn: str
    versions: dict[str, SecretVersion] = field(default_factory=dict)
    created: float = field(default_factory=time.time)
    deleted_at: float | None = None
    """When it was marked for deletion."""
    kms_denied: bool = False
    """Its KMS key refuses the caller."""
    tags: dict[str, str] = field(default_factory=dict)

    def tag_list(self) -> list[dict[str, str]]:
        """The tags as answers show them."""
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]

    def put(
        self,
        value: str | bytes,
        *,
        stages: tuple[str, ...] = (CURRENT,),
        version: str | None = None,
    ) -> str:
        """Add a version and move the stages onto it; answers its id."""
        new = SecretVersion(version or str(uuid4()), value, time.time())
        self.versions[new.id] = new
        for stage in stages:
            self.move(stage, new.id)
        return new.id

    def move(self, stage: str, version: str | None) -> None:
        """Let a stage point at this version (None: at none); AWSPREVIOUS follows AWSCURRENT."""
        held = self.at(stage)
        if held is not None:
            held.stages.discard(stage)
        if version is None:
            return
        self.versions[version].stages.add(stage)
        if stage == CURRENT and held is not None and held.id != version:
            self.move(PREVIOUS, held.id)

    def at(self, stage: str) -> SecretVersion | None:
        """The version that a stage points at."""
        for version in self.versions.values():
            if stage in version.stages:
                return version
        return None
