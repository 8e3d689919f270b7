"""How every step looks at a mount: shows it, then holds it against what was due."""

from collections.abc import Iterator, Sequence

from demo.due import Calls, Due, wrong_calls, wrong_files
from demo.screen import Screen, calls_text, milliseconds
from demo.stage import Seen
from testbed.driver import Mounted, MountRefused, Pod

GRPC_NAMES = {
    "INVALID_ARGUMENT": "InvalidArgument",
    "FAILED_PRECONDITION": "FailedPrecondition",
    "NOT_FOUND": "NotFound",
    "INTERNAL": "Internal",
    "UNAUTHENTICATED": "Unauthenticated",
    "PERMISSION_DENIED": "PermissionDenied",
}
"""As Go, and so kubectl, writes them."""


def show(screen: Screen, seen: Seen, pod: Pod, *, with_files: bool = True) -> None:
    """The files, or the pod's event, and then time and calls."""
    outcome = seen.outcome
    if isinstance(outcome, MountRefused):
        code = GRPC_NAMES.get(outcome.code.name, outcome.code.name)
        screen.event(f"{pod.namespace}/{pod.name}", code, outcome.message)
        result = "refused"
    else:
        if with_files:
            screen.files(outcome)
        number = len(outcome.files)
        result = f"{number} file{'s' * (number != 1)}"
    screen.say(f"{result} in {milliseconds(seen.seconds)} · {costs(seen)}", "dim")


def costs(seen: Seen) -> str:
    """The calls that were made for a mount, wherever they went."""
    lookups = ", ".join(sorted({call.operation for call in seen.kubernetes}))
    calls = calls_text(seen.calls, seen.lost) or "no call to AWS"
    return calls + (f"; Kubernetes: {lookups}" if lookups else "")


def wrong_mount(seen: Seen, due: Due) -> Iterator[str]:
    """What is wrong about files and calls."""
    yield from wrong_content(seen, due)
    yield from wrong_calls(due.calls, seen.calls)


def wrong_content(seen: Seen, due: Due) -> Iterator[str]:
    """What is wrong about the files alone."""
    outcome = seen.outcome
    refused = outcome.hidden if isinstance(outcome, Mounted) else outcome
    if refused is not None:
        yield f"expected a mount, came {refused.code.name}: {refused.message}"
    if isinstance(outcome, Mounted):
        yield from wrong_files(due, outcome)


def wrong_refusal(
    seen: Seen, code: str, words: Sequence[str], due: Calls | None = None
) -> Iterator[str]:
    """What is wrong about a failure: its status, what it must say, and what it cost."""
    outcome = seen.outcome
    if not isinstance(outcome, MountRefused):
        yield f"expected {code}, came a mount"
        return
    if outcome.code.name != code:
        yield f"expected {code}, came {outcome.code.name}"
    for word in words:
        if word not in outcome.message:
            yield f'expected "{word}" in the message'
    yield from wrong_calls(due or Calls(), seen.calls)
