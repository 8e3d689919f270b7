"""Writes the generated parts of the README: `python -m scripts.readme [--check]`.

`<!-- help:start -->` and `<!-- help:end -->` enclose the output of `--help`; `options`,
`parameters` and `objects` likewise enclose tables of options and of the keys of a class.
"""

import difflib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from provider.cli import serve
from provider.csi.config import OPTIONS, flag
from provider.csi.request.keys import OBJECT_KEYS, PARAMETER_KEYS
from provider.manifests.keys import Key
from provider.tools.arguments import PROGRAM, Parser

README = Path(__file__).parents[1] / "README.md"
BLOCK = r"(?<=<!-- {0}:start -->\n).*?(?=<!-- {0}:end -->)"


def blocks() -> Mapping[str, str]:
    """The text between the marks, by their name."""
    return {
        "help": f"```text\n{_help()}```\n",
        "options": options_table(),
        "parameters": keys_table(PARAMETER_KEYS),
        "objects": keys_table(OBJECT_KEYS),
    }


def up_to_date(readme: str) -> str:
    """The README with its generated parts as they should be; it must have a place for `help`."""
    for name, content in blocks().items():
        place = re.search(BLOCK.format(name), readme, re.DOTALL)
        if place:
            readme = readme[: place.start()] + content + readme[place.end() :]
        elif name == "help":
            raise SystemExit("README.md: no <!-- help:start -->, <!-- help:end -->")
    return readme


def difference(readme: str) -> str:
    """The changes that `make readme` would make; empty if there are none."""
    old, new = (text.splitlines(keepends=True) for text in (readme, up_to_date(readme)))
    return "".join(difflib.unified_diff(old, new, "README.md", "generated"))


def options_table() -> str:
    """The options of the daemon as a table in Markdown."""
    lines = ["| option | default | meaning |", "|---|---|---|"]
    for name, option in OPTIONS.items():
        names = f"`{flag(name)}`" + (f", `${option.env}`" if option.env else "")
        default = f"`{option.default}`" if option.default else ""
        lines.append(f"| {names} | {default} | {option.text} |")
    return "\n".join(lines) + "\n"


def keys_table(keys: Sequence[Key]) -> str:
    """Keys of a class, and the keys inside them, as a table in Markdown."""
    lines = ["| key | meaning | default |", "|---|---|---|", *_rows(keys)]
    return "\n".join(lines) + "\n"


def _help() -> str:
    parser = Parser(prog=PROGRAM)
    serve.add_options(parser)
    return parser.format_help()


def _rows(keys: Sequence[Key], above: str = "") -> Iterator[str]:
    for key in keys:
        default = "**required**" if key.required else key.default
        yield f"| `{above}{key.name}` | {_cell(_meaning(key))} | {_cell(default)} |"
        if key.name != "objects":  # has its own table
            inner = "[]." if key.type == "list" else "."
            yield from _rows(key.keys, f"{above}{key.name}{inner}")


def _meaning(key: Key) -> str:
    choices = [f"`{choice}`" for choice in key.choices]
    if all(choice in key.meaning for choice in choices):
        return key.meaning
    return f"{key.meaning}: {', '.join(choices)}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> str | None:
    """Write the README. With `--check` only compare, and return what is wrong."""
    readme = README.read_text()
    if arguments != ["--check"]:
        README.write_text(up_to_date(readme))
        return None
    found = difference(readme)
    return f"{found}README.md is out of date: make readme" if found else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
