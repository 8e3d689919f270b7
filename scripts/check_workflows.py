"""Checks .github: `python -m scripts.check_workflows`.

- Workflows and the configuration of Dependabot against GitHub's schemas (check-jsonschema).
- Security of workflows (zizmor): permissions, expressions in shell, actions that are not pinned.
- Each action is pinned by a commit, with its version in a comment, the same everywhere.
- The shell of each step: `bash -n` and shellcheck.

A tool that is not installed (all are in requirements/dev.txt) is skipped, with one line.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from scripts import check_shell

ROOT = Path(__file__).parents[1]
WORKFLOWS = ROOT / ".github" / "workflows"
_USES = re.compile(
    r"^\s*(?:- )?uses: (?P<action>[^\s@]+)(?:@(?P<ref>\S+))?(?: +# (?P<version>.+))?$"
)
_COMMIT = re.compile("[0-9a-f]{40}")
_VERSION = re.compile(r"v\d+\.\d+\.\d+")
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}")


def commands() -> Mapping[str, list[str]]:
    """The checks of other programs, by the program."""
    files = sorted(map(str, WORKFLOWS.glob("*.yml")))
    return {
        "check-jsonschema": ["--builtin-schema", "vendor.github-workflows", *files],
        "zizmor": ["--offline", "--quiet", "--no-progress", str(ROOT / ".github")],
    }


def unpinned(files: Mapping[str, str]) -> Iterator[str]:
    """Each action of these workflows, by file name, that is not pinned as the others are."""
    pins: dict[str, tuple[str, str]] = {}
    for name, text in files.items():
        for number, line in enumerate(text.splitlines(), 1):
            used = _USES.match(line)
            if used is None or used["action"].startswith("./"):
                continue
            pin = (used["ref"] or "", used["version"] or "")
            if not (_COMMIT.fullmatch(pin[0]) and _VERSION.fullmatch(pin[1])):
                yield f"{name}:{number}: {used['action']} is not pinned: @COMMIT # vX.Y.Z"
            elif pins.setdefault(used["action"], pin) != pin:
                yield f"{name}:{number}: {used['action']} is pinned to another commit elsewhere"


def scripts(workflow: Any) -> Iterator[tuple[str, str]]:
    """The shell of each step, by a name; expressions of GitHub are replaced by a word."""
    for job, content in workflow["jobs"].items():
        for number, step in enumerate(content.get("steps", ())):
            if "run" in step:
                shell = _EXPRESSION.sub("expression", step["run"])
                yield f"{job}.{number}", f"set -eo pipefail; {shell}"  # as `shell: bash` does


def shell_problems(files: Mapping[str, str]) -> Iterator[str]:
    """What bash and shellcheck say about the steps."""
    with tempfile.TemporaryDirectory() as folder:
        written = []
        for name, text in files.items():
            for step, shell in scripts(yaml.safe_load(text)):
                written.append(Path(folder) / f"{name}.{step}.sh")
                written[-1].write_text(shell)
        yield from check_shell.problems(written)


def skipped() -> list[str]:
    """One line for each program that is not installed."""
    missing = [name for name in commands() if check_shell.program(name) is None]
    return [f"SKIPPED: {name} is not installed" for name in missing]


def problems() -> Iterator[str]:
    """Everything that is wrong in .github."""
    files = {path.name: path.read_text() for path in sorted(WORKFLOWS.glob("*.yml"))}
    yield from unpinned(files)
    yield from shell_problems(files)
    for name, arguments in commands().items():
        if found := check_shell.program(name):
            done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
            if done.returncode:
                yield done.stdout + done.stderr


def main() -> int:
    """Print every problem, and what was skipped; 1 if there are problems."""
    found = list(problems())
    for line in (*found, *skipped()):
        sys.stderr.write(f"{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
