"""Classes as YAML for people: blocks for texts, lists set in, comments above."""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

import yaml

from provider.tools.terminal import printable

_WIDTH = 100


def dump(value: Any) -> str:
    """YAML, in the order that things are in."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)


def commented(document: Mapping[str, Any], above: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A document under its comments: paragraphs, each a line and what is listed under it."""
    lines = [f"# {line}".rstrip() for line in _comments(above)]
    return "\n".join([*lines, dump(document)])


def _comments(paragraphs: Sequence[tuple[str, Sequence[str]]]) -> Iterator[str]:
    for index, (title, listed) in enumerate(paragraphs):
        if index:
            yield ""
        yield from _wrapped(title)
        for text in listed:
            yield from _wrapped(text, "- ", "  ")


def _wrapped(text: str, first: str = "", others: str = "") -> list[str]:
    """Lines of a comment, whatever is in the text; what has no blanks stays whole."""
    return wrap(
        printable(" ".join(text.split())),
        _WIDTH - 2,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        """Set lists in, as most manifests have them."""
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
