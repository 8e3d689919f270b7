"""Writes the generated parts of documents: `python -m scripts.readme [--check]`.

`<!-- daemon:start -->` and `<!-- daemon:end -->` enclose the `--help` of the daemon, `controller`
likewise that of the controller; `parameters` and `objects` enclose tables of the keys of a class.
"""

import difflib
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from provider.cli import controller, serve
from provider.csi.request.keys import OBJECT_KEYS, PARAMETER_KEYS
from provider.manifests.keys import Key
from provider.tools.arguments import PROGRAM, Parser

ROOT = Path(__file__).parents[1]
PAGES = {
    "docs/options.md": ("daemon", "controller"),
    "docs/classes.md": ("parameters", "objects"),
}
"""The generated parts of each document."""
BLOCK = r"(?<=<!-- {0}:start -->\n).*?(?=<!-- {0}:end -->)"


def blocks() -> Mapping[str, str]:
    """The text between the marks, by their name."""
    return {
        "daemon": _help(serve.add_options),
        "controller": _help(controller.add_options),
        "parameters": keys_table(PARAMETER_KEYS),
        "objects": keys_table(OBJECT_KEYS),
    }


def up_to_date(document: str, names: Iterable[str]) -> str:
    """The document with its generated parts as they should be; it must have all of them."""
    contents = blocks()
    for name in names:
        place = re.search(BLOCK.format(name), document, re.DOTALL)
        if place is None:
            raise SystemExit(f"no <!-- {name}:start -->, <!-- {name}:end -->")
        document = document[: place.start()] + contents[name] + document[place.end() :]
    return document


def difference(document: str, names: Iterable[str]) -> str:
    """The changes that `make readme` would make; empty if there are none."""
    texts = (document, up_to_date(document, names))
    old, new = (text.splitlines(keepends=True) for text in texts)
    return "".join(difflib.unified_diff(old, new, "as it is", "generated"))


def keys_table(keys: Sequence[Key]) -> str:
    """Keys of a class, and the keys inside them, as a table in Markdown."""
    lines = ["| key | meaning | default |", "|---|---|---|", *_rows(keys)]
    return "\n".join(lines) + "\n"


def _help(add_options: Callable[[Parser], None]) -> str:
    parser = Parser(prog=PROGRAM)
    add_options(parser)
    return f"```text\n{parser.format_help()}```\n"


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
    """Write the documents. With `--check` only compare, and return what is wrong."""
    wrong = []
    for name, parts in PAGES.items():
        old = (ROOT / name).read_text()
        if arguments != ["--check"]:
            (ROOT / name).write_text(up_to_date(old, parts))
        elif found := difference(old, parts):
            wrong.append(f"{found}{name} is out of date: make readme")
    return "\n".join(wrong) or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
