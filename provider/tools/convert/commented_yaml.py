"""YAML for people: block scalars for text, indented lists, comments above the document."""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

import yaml

from provider.tools.terminal import printable

_WIDTH = 100


def dump(value: Any) -> str:
    """YAML that keeps the order of keys."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)


def commented(document: Mapping[str, Any], comments: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A document below its comments: paragraphs of a title and a list."""
    lines = [f"# {line}".rstrip() for line in _comments(comments)]
    return "\n".join([*lines, dump(document)])


def _comments(paragraphs: Sequence[tuple[str, Sequence[str]]]) -> Iterator[str]:
    for index, (title, listed) in enumerate(paragraphs):
        if index:
            yield ""
        yield from _wrapped(title)
        for text in listed:
            yield from _wrapped(text, "- ", "  ")


def _wrapped(text: str, first: str = "", others: str = "") -> list[str]:
    """The lines of a comment. Words are never broken."""
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
        """Indent lists, as most manifests do."""
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
