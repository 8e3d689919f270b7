"""Compiles the image's Python code to bytecode: `compile.py ROOT`, run by the image's own Python.

Without it every start of the daemon would compile anew: the base image carries its standard
library as source alone, and nothing can be written at run time. What ROOT holds is compiled in
place, the standard library into the same path under ROOT.

The bytecode is *unchecked*: Python takes it without a look at the source. Its time stamp would
not outlive a registry that normalizes layers, its hash costs reading each source at the start, and
neither protects anything in a file system that is read-only and addressed by its digest.
"""

import py_compile
import sys
import sysconfig
from collections.abc import Iterator
from importlib.util import cache_from_source
from pathlib import Path

STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
NEVER_RUN = frozenset(
    ("distutils", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "test", "tests", "unittest")
)
"""Folders of the standard library that no part of the daemon imports; their sources stay."""


def compile_tree(folder: Path, *, installed: Path, output: Path) -> None:
    """Compile what lies in `folder` and will lie in `installed` into `output`."""
    for source in sources(folder):
        name = source.relative_to(folder)
        py_compile.compile(
            str(source),
            cfile=cache_from_source(str(output / name)),
            dfile=str(installed / name),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )


def sources(folder: Path) -> Iterator[Path]:
    """The modules of a tree."""
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            if entry.name not in NEVER_RUN and not entry.is_symlink():
                yield from sources(entry)
        elif entry.suffix == ".py":
            yield entry


def main(root: Path) -> None:
    """Compile the packages in `root`, and for it the standard library."""
    for packages in root.glob("usr/local/lib/python*/dist-packages"):
        installed = Path("/") / packages.relative_to(root)
        compile_tree(packages, installed=installed, output=packages)
    below_root = root / STANDARD_LIBRARY.relative_to("/")
    compile_tree(STANDARD_LIBRARY, installed=STANDARD_LIBRARY, output=below_root)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
