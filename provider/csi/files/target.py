"""Volumes of pods that the provider writes itself (`--driver-writes-secrets=false`).

The path comes with the request. It is accepted only if it is that of a CSI volume of the request's
own pod below the kubelet's folder, is reached without a symbolic link, and is in memory: the driver
mounts a tmpfs there. If this process did not see the tmpfs, secrets would be written to the disk.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from provider.csi.files.folder import Folder
from provider.csi.files.layout import MountedFile
from provider.csi.files.writer import write_into
from provider.csi.request.model import MountSpec
from provider.errors import VolumeRefused
from provider.manifests.problems import quote

IN_MEMORY = frozenset(("tmpfs", "ramfs"))
_MOUNTS = "/proc/self/mountinfo"


def filesystem_of(device: int) -> str:
    """Type of the file system with this number (`st_dev`), by proc(5); empty if unknown."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with open(_MOUNTS, encoding="utf-8", errors="replace") as mounts:  # noqa: PTH123 - no Path needed
        for line in mounts:
            before, _, after = line.partition(" - ")
            if before.split(" ")[2] == wanted:
                return after.split(" ")[0]
    return ""


def write_volume(
    pods: Path,
    spec: MountSpec,
    files: Sequence[MountedFile],
    filesystem: Callable[[int], str] = filesystem_of,
) -> None:
    """Make the volume of the pod hold these files only.

    `pods` is the kubelet's folder of pods. Its path may have symbolic links, what is below it may
    not. Raises `VolumeRefused`, or `WriteFailed` as `write_into` does.
    """
    target = Path(spec.target_path)
    expected = pods / spec.pod.uid / "volumes" / "kubernetes.io~csi"
    is_one = target.parent.parent == expected and target.name == "mount"
    if not is_one or ".." in target.parts or "\0" in spec.target_path:
        raise VolumeRefused(
            f"{quote(spec.target_path)} is not a volume of this pod, which would be "
            f"{expected}/NAME/mount (--kubelet-path)"
        )
    with ExitStack() as stack:
        try:
            top = stack.enter_context(Folder.open(pods))
            # It stays open: once the tmpfs is unmounted, the same path is on the disk.
            folder = stack.enter_context(top.at(target.relative_to(pods).parts))
            kind = filesystem(folder.device())
        except OSError as error:
            raise VolumeRefused(
                f"cannot open {target} without following a link: {error.strerror or error}. The "
                f"provider needs the kubelet's folder {pods} mounted, with mountPropagation: "
                "HostToContainer"
            ) from error
        if kind not in IN_MEMORY:
            raise VolumeRefused(
                f"{target} is on {kind or 'an unknown file system'}, not in memory: the driver's "
                "tmpfs is not visible here, and secrets would go to the node's disk. Mount the "
                "kubelet's folder into the provider's pod with mountPropagation: HostToContainer"
            )
        write_into(folder, target, files)
