"""What to write instead of a template that does not compile. The messages are those of Go."""

import re
from collections.abc import Collection

from provider.controller.template.functions import FUNCTIONS
from provider.manifests.keys import closest

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
