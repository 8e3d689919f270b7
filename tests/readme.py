"""The parts of the README that the program itself says: `python -m tests.readme [--check]`.

`<!-- help:start -->` and `<!-- help:end -->` enclose what `--help` prints; `options`, `parameters`
and `objects` likewise the tables of options and of the keys of a class.
"""

import difflib
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from provider.cli.main import help_text, options_table
from provider.tools.key_tables import objects_table, parameters_table

README = Path(__file__).parents[1] / "README.md"
BLOCK = r"(?<=<!-- {0}:start -->\n).*?(?=<!-- {0}:end -->)"


def blocks() -> Mapping[str, str]:
    """What is to stand between the marks, by their name."""
    return {
        "help": f"```text\n{help_text()}```\n",
        "options": options_table(),
        "parameters": parameters_table(),
        "objects": objects_table(),
    }


def up_to_date(readme: str) -> str:
    """The README with the program's parts as they are now; `help` must have a place in it."""
    for name, content in blocks().items():
        place = re.search(BLOCK.format(name), readme, re.DOTALL)
        if place:
            readme = readme[: place.start()] + content + readme[place.end() :]
        elif name == "help":
            raise SystemExit("README.md: no <!-- help:start -->, <!-- help:end -->")
    return readme


def difference(readme: str) -> str:
    """What `make readme` would change; empty where nothing."""
    old, new = (text.splitlines(keepends=True) for text in (readme, up_to_date(readme)))
    return "".join(difflib.unified_diff(old, new, "README.md", "as the program says"))


def main(arguments: list[str]) -> str | None:
    """Write the README, or with `--check` say how it differs."""
    readme = README.read_text()
    if arguments != ["--check"]:
        README.write_text(up_to_date(readme))
        return None
    found = difference(readme)
    return f"{found}README.md is out of date: make readme" if found else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
