"""Commands in documents: options, targets, paths and chart values that they use exist."""

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from provider.cli.commands import COMMANDS
from provider.tools.arguments import Parser, UsageError
from scripts.check_docs import pages
from scripts.check_shell import ROOT, blocks
from tests.deploy import manifests

MAKEFILE = (ROOT / "Makefile").read_text()
OPERATORS = re.compile(r"[|;&<>()]+")


def commands() -> Iterator[tuple[Path, list[str]]]:
    """Each simple command in the shell of the documents, as words."""
    for page in pages():
        for block in blocks(page.read_text()):
            text = re.sub(r"<<(\w+)\n.*?^\1$", "", block.text, flags=re.DOTALL | re.MULTILINE)
            for line in text.replace("\\\n", " ").splitlines():
                yield from ((page, words) for words in _simple(line))


def _simple(line: str) -> Iterator[list[str]]:
    words: list[str] = []
    tokens = shlex.shlex(line, posix=True, punctuation_chars=True)
    tokens.whitespace_split = True
    for token in tokens if line.count("'") % 2 == 0 else ():
        if OPERATORS.fullmatch(token):
            yield words
            words = []
        else:
            words.append(token)
    yield words


ALL = [(page, words) for page, words in commands() if words]
OURS = [
    (page.name, words[at + 1 :])
    for page, words in ALL
    for at, word in enumerate(words)
    if word.split("/")[-1] == "secrets-provider-aws"
    if {*words[at + 1 : at + 2]} & {*COMMANDS}
]


def test_a_command_line_has_options_that_there_are() -> None:
    parsers = {name: Parser(prog="documented") for name in COMMANDS}
    for name, parser in parsers.items():
        COMMANDS[name].load().add_options(parser)
    refused = []
    for page, words in OURS:
        try:
            parsers[words[0]].parse_args(words[1:])
        except UsageError as error:
            refused.append(f"{page}: {' '.join(words)}: {error}")
    assert not refused


def test_values_of_a_release_are_printed_as_they_can_be_given() -> None:
    # Without --output yaml, helm prints a heading that the schemas of the charts refuse.
    calls = [words for _, words in ALL if words[0] == "helm" and {"get", "values"} <= {*words}]
    assert calls
    assert [words for words in calls if "yaml" not in words] == []


def test_targets_of_make_exist() -> None:
    used = {
        word
        for _, words in ALL
        if words[0] == "make"
        for word in words[1:]
        if re.fullmatch("[a-z-]+", word)
    }
    assert {"demo", "image", "check"} <= used
    assert [one for one in used if f"\n.PHONY: {one}\n" not in MAKEFILE] == []


def test_paths_of_the_repository_exist() -> None:
    used = {
        (page.name, word)
        for page, words in ALL
        for word in words
        if re.match(r"(deploy|tests|docs|scripts)/[\w./-]+$", word)
    }
    assert len(used) > 10
    assert [one for one in used if not (ROOT / one[1]).exists()] == []


@pytest.mark.parametrize("chart", ["secrets-provider-aws", "secrets-controller-aws"])
def test_charts_take_the_values_that_are_set(chart: str) -> None:
    folder = manifests.DEPLOY / "chart" / chart
    set_values = {
        value
        for _, words in ALL
        if words[0] == "helm" and str(folder.relative_to(ROOT)) in words
        for flag, value in itertools.pairwise(words)
        if flag == "--set"
    }
    assert set_values
    values: dict[str, object] = {}
    for value in set_values:
        path, _, text = value.partition("=")
        *parents, last = path.split(".")
        place: dict[str, object] = values
        for name in parents:
            place = place.setdefault(name, {})  # type: ignore[assignment]  # all are maps
        place[last] = {"true": True, "false": False}.get(text, text)
    assert manifests.templated(folder, values, release=chart)
