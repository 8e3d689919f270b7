"""Which steps of a volume its pod's owner is told of, and in which words.

A first mount that fails is told by the kubelet. Of a daemon's own past only what this process has
seen counts: the volume that another one delivered is not known to have had anything before.
"""

from collections.abc import Callable

from provider.kube.events import Notice
from provider.csi.status.mount_registry import LiveObject, Step
from provider.csi.mount import ObjectsFailed

MAX_NAMED = 8


class Notices:
    """Tells of rotations that failed; with `rotated` also of those that went well."""

    def __init__(self, tell: Callable[[Notice], None], *, rotated: bool) -> None:
        self._tell = tell
        self._rotated = rotated

    def __call__(self, step: Step) -> None:
        """Tell the step, if it is worth it."""
        if step.before is None or step.before.last_success is None:
            return
        if step.failure is not None:
            self._tell(Notice(step.after.pod, "SecretRotationFailed", _failed(step)))
        elif self._rotated and step.changed:
            self._tell(Notice(step.after.pod, "SecretRotated", _rotated(step)))


def _failed(step: Step) -> str:
    failure = step.failure
    if isinstance(failure, ObjectsFailed):
        what = _listed([one.brief for one in failure.failures])
    else:
        what = step.after.reason
    return (
        f"The volume of {_class(step)} keeps its old files: {what}. The provider's log has more "
        f"under id {step.after.id}."
    )


def _rotated(step: Step) -> str:
    before = step.before.objects if step.before else ()
    old = {one.id: one.version for one in before}
    new = [_version(one) for one in step.after.objects if old.get(one.id) != one.version]
    return f"The volume of {_class(step)} has new versions: {_listed(new) or 'of its objects'}."


def _version(one: LiveObject) -> str:
    return f'"{one.name}" is at {one.version}'


def _class(step: Step) -> str:
    return f"class {step.after.class_name}" if step.after.class_name else "its class"


def _listed(names: list[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
