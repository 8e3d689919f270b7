"""Writes a volume without any capability; `tests.forked` runs it."""

import os
from pathlib import Path

from provider.csi.files.layout import MountedFile
from provider.csi.files.writer import WriteFailed, write

NOBODY = 65534


def main(arguments: list[str]) -> int:
    """Prints the changes, or why there are none; takes the volume, an octal mode and a value."""
    volume, mode, content = arguments
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    try:
        changes = write(Path(volume), [MountedFile("a", int(mode, 8), content.encode())])
        print(*(change.kind for change in changes))
    except WriteFailed as error:
        print(error)
    return 0
