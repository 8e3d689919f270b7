"""Runs the image's command as the DaemonSet has it run, without a container runtime.

`python -m tests.deploy.hardened ROOT VOLUME [NAME=VALUE…] -- ARGUMENT…`: in ROOT, read-only but
for VOLUME in the place of the driver's folder; uid 0 without any capability, and none to be got
by executing anything. Needs root; what is mounted goes with the process.
"""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.deploy.manifests import ROOT as REPOSITORY

PROVIDERS = "/var/run/secrets-store-csi-providers"
CLONE_NEWNS = 0x00020000
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
CAPABILITY_VERSION_3 = 0x20080522
LAST_CAPABILITY = Path("/proc/sys/kernel/cap_last_cap")

libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int) -> None:
    """Raise what a call of libc failed with."""
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mount(*arguments: str | Path) -> None:
    """Run mount(8)."""
    subprocess.run(["mount", *arguments], check=True)


def enter(root: Path, volume: Path) -> None:
    """Make ROOT the root of this process, as a container runtime would."""
    (root / PROVIDERS[1:]).mkdir(parents=True, exist_ok=True)
    checked(libc.unshare(CLONE_NEWNS))
    mount("--make-rprivate", "/")
    mount("--bind", root, root)
    mount("-t", "proc", "proc", root / "proc")
    mount("--rbind", "/dev", root / "dev")
    mount("-o", "remount,ro,bind", root)
    mount("--bind", volume, root / PROVIDERS[1:])
    os.chroot(root)
    os.chdir("/")


def drop_capabilities(last: int) -> None:
    """Give up every capability for good."""
    for capability in range(last + 1):
        checked(libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    checked(libc.capset(ctypes.byref(header), ctypes.byref(nothing)))
    checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def environment(dockerfile: str) -> dict[str, str]:
    """What the Dockerfile sets in the image, and the base image before it."""
    block = dockerfile.rpartition("\nENV ")[2].partition("\nCOPY ")[0]
    pairs = block.replace("\\\n", " ").split()
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
        **dict(pair.split("=", 1) for pair in pairs),
    }


def main(root: str, volume: str, *rest: str) -> None:
    """Become the image's command."""
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    entrypoint: list[str] = json.loads(dockerfile.rpartition("\nENTRYPOINT ")[2])
    split = rest.index("--")
    variables = dict(pair.split("=", 1) for pair in rest[:split])
    last = int(LAST_CAPABILITY.read_text())
    enter(Path(root).resolve(), Path(volume).resolve())
    drop_capabilities(last)
    os.execve(entrypoint[0], [*entrypoint, *rest[split + 1 :]], environment(dockerfile) | variables)


if __name__ == "__main__":
    main(*sys.argv[1:])
