"""What one sync of an ExternalSecret did, for log, audit log and status. It never holds a value."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from provider.controller.resources.store_ref import GeneratorRef
from provider.engine.model import Identity, SecretRef, SecretValue
from provider.engine.trace import Trace

Written = Literal["", "created", "updated", "unchanged"]


class Session(NamedTuple):
    """As whom and where secrets are read. Stores that have these in common share their calls."""

    identity: Identity
    region: str


class SecretRead(NamedTuple):
    """A secret or parameter as it was read; `arn` is empty where the service does not tell."""

    session: Session
    ref: SecretRef
    arn: str
    version: str


class Generated(NamedTuple):
    """Values that a generator made: of which kind, and as whom; None where AWS is not asked.

    `keys` are those of the values after `rewrite`, before the template of the Secret.
    """

    kind: str
    session: Session | None
    keys: tuple[str, ...] = ()


class SyncRecord:
    """Filled during one sync. `written` stays empty where no Secret was to be written."""

    def __init__(self) -> None:
        self.trace = Trace()
        self.written: Written = ""
        self._reads: dict[SecretRead, None] = {}
        self._generated: dict[GeneratorRef, Generated] = {}
        self._generator_calls = 0

    def read(self, session: Session, values: Iterable[tuple[SecretRef, SecretValue]]) -> None:
        """Values were read that exist."""
        for ref, value in values:
            if value.found:
                self._reads[SecretRead(session, ref, value.arn, value.version)] = None

    def generated(self, ref: GeneratorRef, kind: str, session: Session | None) -> None:
        """A generator made values. `kind` is never ClusterGenerator."""
        self._generated[ref] = Generated(kind, session)

    def generator_called(self) -> None:
        """A generator calls AWS."""
        self._generator_calls += 1

    def keep_keys(self, keys: Mapping[GeneratorRef, tuple[str, ...]]) -> None:
        """Note the keys of the values that generators made."""
        for ref, found in keys.items():
            self._generated[ref] = self._generated[ref]._replace(keys=found)

    @property
    def generators(self) -> Mapping[GeneratorRef, Generated]:
        """What generators have made."""
        return self._generated

    @property
    def reads(self) -> tuple[SecretRead, ...]:
        """What was read, each once."""
        return tuple(self._reads)

    @property
    def calls(self) -> int:
        """Calls to AWS that were made, those of generators included."""
        return self.trace.calls + self._generator_calls

    @property
    def calls_saved(self) -> int:
        """Calls that one call for each value would have made, less those that were made."""
        return max(0, len(self._reads) - self.trace.calls)
