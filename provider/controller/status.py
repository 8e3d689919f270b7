"""The condition Ready and its texts, which are those of External Secrets Operator.

After the operator's fixed text comes the cause, in one line. A condition that says the same as
before is not written again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from provider.controller.resources.object_meta import Condition
from provider.manifests.problems import printable

READY = "Ready"
MOST_TEXT = 1000
"""Characters of a message."""

SYNCED = "SecretSynced"
DELETED = "SecretDeleted"
MISSING = "SecretMissing"
FAILED = "SecretSyncedError"

TEXT_SYNCED = "secret synced"
TEXT_RETAINED = "secret retained due to DeletionPolicy=Retain"
TEXT_DELETED = "secret deleted due to DeletionPolicy=Delete"
TEXT_NOT_CREATED = "secret will not be created due to CreationPolicy=Merge"
TEXT_NO_DATA = "could not get secret data from provider"
TEXT_NOT_WRITTEN = "could not update secret"
TEXT_NOT_DELETED = "could not delete secret"
TEXT_ORPHANS = "could not delete orphaned secrets"

STORE_VALID = "Valid"
STORE_INVALID = "InvalidProviderConfig"
TEXT_STORE_VALID = "store validated"


@dataclass(frozen=True, slots=True)
class Ready:
    """What the condition is to say."""

    is_ready: bool
    reason: str
    message: str

    @property
    def status(self) -> str:
        """As Kubernetes writes it."""
        return "True" if self.is_ready else "False"


SECRET_SYNCED = Ready(is_ready=True, reason=SYNCED, message=TEXT_SYNCED)


def one_line(text: object) -> str:
    """A text in one line of bounded length, without control characters."""
    line = printable(" ".join(str(text).split()))
    return line if len(line) <= MOST_TEXT else f"{line[: MOST_TEXT - 1]}…"


def with_cause(text: str, cause: object) -> str:
    """A fixed text and the cause."""
    return one_line(f"{text}: {cause}")


def sync_error(text: str, cause: object) -> Ready:
    """The condition of an ExternalSecret after a failure: a text of those above, and the cause."""
    return Ready(is_ready=False, reason=FAILED, message=with_cause(text, cause))


def bug_text(bug: Exception) -> str:
    """What to tell of a bug: its class, since its own text may hold a value."""
    return (
        f"unexpected {type(bug).__name__}: this is a bug of the controller and concerns only this "
        "object. It is tried again. The log of the controller has the place: a reconcile failed"
    )


def ready_of(conditions: Iterable[Condition]) -> Condition | None:
    return next((one for one in conditions if one.type == READY), None)


def has_failed(conditions: Iterable[Condition]) -> bool:
    """Whether the condition Ready is False."""
    ready = ready_of(conditions)
    return ready is not None and ready.status == "False"


def says(conditions: Iterable[Condition], ready: Ready) -> bool:
    """Whether the conditions say that already."""
    found = ready_of(conditions)
    wanted = ready.status, ready.reason, ready.message
    return found is not None and (found.status, found.reason, found.message) == wanted


def conditions_with(
    conditions: Sequence[Condition], ready: Ready, now: float
) -> list[dict[str, Any]]:
    """The conditions for a status; the time of the transition stays while its status does."""
    old = ready_of(conditions)
    is_same = old is not None and old.status == ready.status and old.last_transition_time
    new = Condition(
        type=READY,
        status=ready.status,
        reason=ready.reason,
        message=ready.message,
        last_transition_time=old.last_transition_time if old and is_same else timestamp(now),
    )
    others = [one for one in conditions if one.type != READY]
    return [_document(one) for one in [*others, new]]


def timestamp(seconds: float) -> str:
    """A time as Kubernetes writes it, in whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _document(one: Condition) -> dict[str, Any]:
    found = {
        "type": one.type,
        "status": one.status,
        "reason": one.reason,
        "message": one.message,
        "lastTransitionTime": one.last_transition_time,
    }
    return {key: value for key, value in found.items() if value}
