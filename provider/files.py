"""Files as they go into the pod's volume: names, modes, clashes."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MountedFile:
    """One file of the volume. `path` is relative to it, `mode` a plain permission number."""

    path: str
    mode: int
    content: bytes = field(repr=False)
