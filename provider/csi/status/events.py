"""Kubernetes Events about rotations: the driver hides their failures, so the pod gets an Event.

The kubelet writes an Event about a first mount that fails, so there is none of ours. Of the past of
the volume only what this process has seen counts: a volume that another daemon delivered has none.
"""

from collections.abc import Callable

from provider.csi.object_failures import ObjectsFailed
from provider.csi.request.model import Pod
from provider.csi.status.mount_registry import MountedObject, Step
from provider.kube.events import Event, ObjectReference

MAX_NAMED = 8
"""Objects that are named in one Event."""


class RotationEvents:
    """Records rotations that failed; with `rotated` also those that delivered new versions."""

    def __init__(self, record: Callable[[Event], None], *, rotated: bool) -> None:
        self._record = record
        self._rotated = rotated

    def __call__(self, step: Step) -> None:
        """Record an Event about the step, if it is a rotation to report."""
        if step.before is None or step.before.last_success is None:
            return
        pod = _reference(step.after.pod)
        if step.failure is not None:
            self._record(Event(pod, "Warning", "SecretRotationFailed", _failed(step)))
        elif self._rotated and step.changed:
            self._record(Event(pod, "Normal", "SecretRotated", _rotated(step)))


def _reference(pod: Pod) -> ObjectReference:
    return ObjectReference("Pod", pod.namespace, pod.name, pod.uid)


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


def _version(one: MountedObject) -> str:
    return f'"{one.name}" is at {one.version}'


def _class(step: Step) -> str:
    return f"class {step.after.class_name}" if step.after.class_name else "its class"


def _listed(names: list[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
