"""Templates of External Secrets resources: whether they compile, and use values that are read."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.template import TemplateError, compile_template
from provider.controller.template.functions import FUNCTIONS
from provider.controller.template.limits import Budget, Limits
from provider.controller.template.nodes import Action, Branch, Field, Pipe, Variable
from provider.controller.template.parser import parse
from provider.manifests.keys import closest
from provider.manifests.nodes import Scalar
from provider.manifests.problems import quote
from provider.tools.arguments import DEFAULT_DELIMITERS, Delimiters
from provider.tools.resources.documents import node_at
from provider.tools.resources.parsed import Resource
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding
from provider.tools.validate.places import Embedded

_UNKNOWN_FUNCTION = 'function "'


@dataclass(frozen=True, slots=True)
class Written:
    """A template, its path in the manifest, and whether it sees the values."""

    path: str
    text: str
    sees_values: bool = True


def templates_in(spec: ExternalSecretSpec, path: str) -> Iterator[Written]:
    """Every template that is written in the spec itself."""
    template, at = spec.target.template, f"{path}.target.template"
    if template is not None:
        about = template.metadata
        for index, one in enumerate(template.template_from):
            if one.literal is not None:
                yield Written(f"{at}.templateFrom[{index}].literal", one.literal)
        for where, texts in (
            (f"{at}.data", template.data),
            (f"{at}.metadata.annotations", about.annotations),
            (f"{at}.metadata.labels", about.labels),
        ):
            yield from (Written(f"{where}.{key}", text) for key, text in texts.items())
    for index, entry in enumerate(spec.data_from):
        for number, rewrite in enumerate(entry.rewrite):
            if rewrite.transform is not None:
                where = f"{path}.dataFrom[{index}].rewrite[{number}].transform.template"
                yield Written(where, rewrite.transform.template, sees_values=False)


def check_templates(
    resource: Resource, spec: ExternalSecretSpec, delimiters: Delimiters
) -> Iterator[Finding]:
    """Templates that do not compile, or use a value that is not read."""
    known = _known_values(resource, spec)
    for one in templates_in(spec, resource.spec_path):
        name = one.path.rpartition(".")[2]
        try:
            # Rewrites have the default delimiters always.
            used = delimiters if one.sees_values else DEFAULT_DELIMITERS
            compile_template(name, one.text, delimiters=used)
        except TemplateError as error:
            yield _mistake(resource, one, error, known if one.sees_values else None)
            continue
        if known is not None and one.sees_values:
            yield from _check_values(resource, one, known, delimiters)


def _mistake(
    resource: Resource, one: Written, error: TemplateError, known: Collection[str] | None
) -> Finding:
    line = int(error.place.rpartition(":")[2] or 1)
    hint, word = template_hint(error.fault, known or ()), ""
    if error.fault.startswith(_UNKNOWN_FUNCTION):
        word = error.fault.removeprefix(_UNKNOWN_FUNCTION).partition('"')[0]
    lines = one.text.split("\n")
    column = (lines[line - 1].find(word) if word and line <= len(lines) else 0) + 1
    place = _embedded(resource, one.path).place(line, max(column, 1))
    return resource.found(rules.TEMPLATE, one.path, error.fault, hint, at=place)


def _check_values(
    resource: Resource, one: Written, known: Collection[str], delimiters: Delimiters
) -> Iterator[Finding]:
    trees = parse(one.path, one.text, FUNCTIONS, delimiters, Budget(Limits()))
    places: Embedded | None = None
    for node in trees[one.path]:
        # Values in bodies of blocks may not be used.
        for key, position in _in_pipe(node.pipe) if isinstance(node, Action | Branch) else ():
            if key in known:
                continue
            places = places or _embedded(resource, one.path)
            meant = closest(key, known)
            hint = f"did you mean .{meant}" if meant else ""
            message = f"no entry of data has the secretKey {quote(key)}: the Secret is not written"
            at = places.place_at(position)
            yield resource.found(rules.TEMPLATE_VALUE, one.path, message, hint, at=at)


def _known_values(resource: Resource, spec: ExternalSecretSpec) -> Collection[str] | None:
    """The keys that templates see; None where only AWS knows them, or the author."""
    at = resource.spec_path
    is_unclear = any(resource.is_faulty(f"{at}.{key}") for key in ("data", "dataFrom"))
    return None if spec.data_from or is_unclear else {one.secret_key for one in spec.data}


def _in_pipe(pipe: Pipe) -> Iterator[tuple[str, int]]:
    """Values that are used, each with its position."""
    for command in pipe.commands:
        for argument in command.args:
            if isinstance(argument, Pipe):
                yield from _in_pipe(argument)
            elif isinstance(argument, Field):
                yield argument.names[0], argument.position
            elif isinstance(argument, Variable) and argument.names[0] == "$":
                yield from ((name, argument.position) for name in argument.names[1:2])


def _embedded(resource: Resource, path: str) -> Embedded:
    """The places in a template. If it is not there itself, all are near the node around it."""
    node, is_there = node_at(resource.manifest.node, path)
    if not (is_there and isinstance(node, Scalar)):
        node = Scalar("", "text", node.line, node.column)
    return Embedded(resource.source.lines, node)


_UNKNOWN = re.compile(r'function "(?P<name>[^"]*)" not defined')
_OF_HELM = frozenset({"include", "lookup", "tpl"})
_HINTS = (
    (r"bad character U\+002D", 'write (index . "db-password") for a name with a hyphen'),
    (r"bad character U\+005B", "write (index .list 0) for an element"),
    (r"bad number syntax", "a number begins here: write a space behind {{-"),
    (r"illegal number syntax", "calculate with functions, such as add .a 1"),
    (r"unexpected EOF", "close each block (if, range, with, define) with {{ end }}"),
    (r"unexpected \{\{(end|else)", "no block is open: write if, range or with before it"),
    (r'unclosed action|unexpected "\}"', "close each action with two braces: {{ .user }}"),
    (r'unexpected "\{"', "write no braces within an action"),
    (r'unexpected "="', 'write eq .a "b" to compare, and $a := "b" to set a variable'),
    (r'unexpected "&"', "write and .a .b"),
    (r'unexpected "\|"', "write or .a .b for an alternative, and one | before a function"),
    (r'unexpected "\("', "write arguments without brackets: len .a"),
    (r'unexpected ","', "separate arguments by spaces"),
    (r"unterminated", "close each text with the quote that it begins with"),
    (r"unrecognized character in action: U\+201[89CD]", "write plain quotes"),
    (r"undefined variable", 'set it before with $name := "value", or write .name for a value'),
    (r"missing value for command", "write a value or a function between the braces"),
)
"""Patterns of messages, and what to write."""


def template_hint(fault: str, values: Collection[str] = ()) -> str:
    """What to do about a fault; empty if that is not known. `values` are those of `data`."""
    if unknown := _UNKNOWN.match(fault):
        return _function_hint(unknown["name"], values)
    return next((hint for pattern, hint in _HINTS if re.match(pattern, fault)), "")


def _function_hint(name: str, values: Collection[str]) -> str:
    if name in values:
        return f"did you mean .{name}"
    if name in _OF_HELM:
        return "this function exists in Helm only"
    meant = closest(name, FUNCTIONS)
    return f"did you mean {meant}" if meant else ""
