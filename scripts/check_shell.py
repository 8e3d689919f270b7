"""Checks shell in documents and scripts: `python -m scripts.check_shell`.

`bash -n` and shellcheck read every block that is marked `sh` in the README and docs/, and every
script of the repository. Without shellcheck (it is in requirements/dev.txt) its part is skipped.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = (".ci/run", "deploy/image/offline.sh", "tests/cluster/run.sh")
EXCLUDED = (
    "SC2148",  # a block of a document has no #!
    "SC2034",  # a later block may use the variable
    "SC2154",  # an earlier block may set it
    "SC1090",  # sourced from the output of a program
    "SC2094",  # the name of the file is only an argument
)
_BLOCK = re.compile(r"^( *)```sh\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """Shell in a document: the heading above it, the line of its first command, its text."""

    heading: str
    line: int
    text: str


def blocks(document: str) -> Iterator[Block]:
    """The blocks of a Markdown document that are marked `sh`, without their indentation."""
    for found in _BLOCK.finditer(document):
        above = document[: found.start()]
        [*_, heading] = ["", *re.findall(r"^#+ (.+)$", above, re.MULTILINE)]
        text = re.sub(rf"^{found[1]}", "", found[2], flags=re.MULTILINE)
        yield Block(heading, above.count("\n") + 2, text)


def problems(files: Iterable[Path]) -> Iterator[str]:
    """What is wrong in the blocks of these documents, and in these scripts, with file and line."""
    with tempfile.TemporaryDirectory() as folder:
        places = dict(_write(files, Path(folder)))
        for path in places:
            yield from _run(["bash", "-n", path], places)
        if places and (shellcheck := program("shellcheck")):
            options = ("--format=gcc", "--shell=bash", f"--exclude={','.join(EXCLUDED)}")
            yield from _run([shellcheck, *options, *places], places)


def _write(files: Iterable[Path], folder: Path) -> Iterator[tuple[str, str]]:
    """The path of each script and block, and its place in the repository."""
    for file in files:
        place = str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else file.name
        if file.suffix != ".md":
            yield str(file), place
            continue
        for number, block in enumerate(blocks(file.read_text())):
            path = folder / f"{place.replace('/', '_')}.{number}.sh"
            path.write_text("\n" * (block.line - 1) + block.text)  # lines keep their numbers
            yield str(path), place


def _run(command: list[str], places: Mapping[str, str]) -> Iterator[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in (done.stdout + done.stderr).splitlines():
        path = next((path for path in places if path in line), "")
        yield line.replace(path, places[path]) if path else line


def program(name: str) -> str | None:
    """The path of a program in the venv or on the PATH; None where there is none."""
    own = Path(sys.executable).with_name(name)
    return str(own) if own.exists() else shutil.which(name)


def files() -> list[Path]:
    """The README, the pages of docs/ and deploy/, and the scripts."""
    folders = (ROOT / "docs", ROOT / "deploy")
    pages = (path for folder in folders for path in sorted(folder.rglob("*.md")))
    return [ROOT / "README.md", *pages, *(ROOT / name for name in SCRIPTS)]


def main() -> int:
    """Print every problem; 1 if there are any."""
    found = list(problems(files()))
    for line in found:
        sys.stderr.write(f"{line}\n")
    if program("shellcheck") is None:
        sys.stderr.write("SKIPPED: shellcheck is not installed; bash -n read the shell\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
