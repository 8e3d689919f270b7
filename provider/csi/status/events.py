"""Kubernetes Events about mounts and rotations, on the pod.

The driver hides failures of rotations. If this process has not delivered a volume, the pod may be
new, or may run with files from an earlier process. Failures of such volumes are reported too; for a
new pod they come beside the kubelet's own Events.
"""

from collections.abc import Callable
from dataclasses import dataclass

from provider.csi.mount_registry import Step
from provider.csi.object_failures import ObjectsFailed
from provider.kube.events import Event, ObjectReference
from provider.manifests.problems import printable, some_of

MAX_NAMED = 8
"""Objects that are named in one Event."""
MAX_LINE = 400
"""Characters of the error in an Event, which may have 1024 in all."""


@dataclass(frozen=True, slots=True)
class RotationEvents:
    """Records what failed; with `rotated` also rotations that delivered new versions."""

    record: Callable[[Event], None]
    rotated: bool

    def __call__(self, step: Step) -> None:
        """Record an Event about the step, if it is one to report."""
        pod = step.after.pod
        about = ObjectReference("Pod", pod.namespace, pod.name, pod.uid)
        if step.failure is not None:
            reason = "SecretRotationFailed" if step.after.is_delivered else "SecretMountFailed"
            # Texts of AWS may differ at each attempt, and are still the same Event.
            key = f"{step.after.id} {step.after.reason}"
            self.record(Event(about, "Warning", reason, _failed(step), key))
        elif self.rotated and step.changed and step.before and step.before.is_delivered:
            self.record(Event(about, "Normal", "SecretRotated", _rotated(step)))


def _failed(step: Step) -> str:
    failure, after = step.failure, step.after
    what = f"{after.reason}: {_first_line(str(failure))}"
    if isinstance(failure, ObjectsFailed) and (others := failure.failures[1:]):
        what += f" Also: {some_of([one.brief for one in others], MAX_NAMED)}."
    files = "keeps its old files" if after.is_delivered else "gets no new files"
    return f"The volume of {_class(step)} {files}. {what} [id {after.id} in the provider's log]"


def _first_line(text: str) -> str:
    line = text.split("\n", 1)[0]
    return line if len(line) <= MAX_LINE else line[:MAX_LINE] + "…"


def _rotated(step: Step) -> str:
    old = {one.id: one.version for one in step.before.objects} if step.before else {}
    new = [
        printable(f'"{one.ref.name}" is at {one.version}')
        for one in step.after.objects
        if old.get(one.id) != one.version
    ]
    what = some_of(new, MAX_NAMED) or "of its objects"
    return f"The volume of {_class(step)} has new versions: {what}."


def _class(step: Step) -> str:
    return f"class {step.after.class_name}" if step.after.class_name else "its class"
