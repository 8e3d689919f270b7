"""Finds what a gjson path names in a JSON text."""

import re
from typing import Final

import re2

from provider.controller.gjson.modifiers import modified
from provider.controller.gjson.path_syntax import (
    Component,
    Query,
    index_component,
    key_component,
    last_name,
    selectors,
    split_pipe,
)
from provider.controller.gjson.results import (
    VALUE_START,
    Result,

    parse,
    squash,
    string_at,

    value_at,
)
from provider.controller.gjson.texts import is_valid, json_string
from provider.controller.template.limits import Budget
from provider.controller.template.unicode_text import tight

_KEY: Final = re.compile('["}]')
_ELEMENT: Final = re.compile(r'["{\[tfn+\-0-9iIN\]]')
_STATIC: Final = '{["+-0123456789'
_ABSENT: Final = Result()


def get(text: str, path: str, budget: Budget) -> Result:
    """gjson.Get. Raises LimitExceeded, and FunctionError for what is not supported."""
    budget.step(1 + len(text) // 1000)
    if len(path) > 1:
        found = _special(text, path, budget)
        if found is not None:
            return found
    return _Search(text, budget).run(path)


def _special(text: str, path: str, budget: Budget) -> Result | None:
    """The result of a path that begins with a modifier, a literal or a multipath."""
    if path[0] in "@!":
        applied = modified(text, path, budget, get) if path[0] == "@" else _static(path)
        if applied is None:
            return None
        rest, value = applied
        budget.memory(len(value))
        return get(value, rest[1:], budget) if rest[:1] in ("|", ".") else parse(value)
    if path[0] in "[{":
        chosen = selectors(path)
        if chosen is not None and chosen[1][:1] in ("", "|", "."):
            result = _multipath(text, path[0], chosen[0], budget)
            return get(result.raw, chosen[1][1:], budget) if chosen[1] else result
    return None


def _static(path: str) -> tuple[str, str] | None:
    name = path[1:]
    if name[0] in _STATIC:
        value = squash(name, 0) if name[0] in '{["' else name
        return name[len(value) :], value
    match = re.match(r"[^|.]*", name)
    word = match.group() if match else ""
    if word.lower() in ("true", "false", "null", "nan", "inf"):
        return name[len(word) :], word
    return None


def _multipath(text: str, kind: str, chosen: list[tuple[str, str]], budget: Budget) -> Result:
    members: list[str] = []
    for name, path in chosen:
        result = get(text, path, budget)
        if not result.exists:
            continue
        raw = result.raw or result.string() or "null"
        budget.memory(len(raw))
        if kind == "{":
            is_json = name.startswith('"') and is_valid(name)
            raw = f"{name if is_json else json_string(name or last_name(path))}:{raw}"
        members.append(raw)
    return Result("json", f"{kind}{','.join(members)}{'}' if kind == '{' else ']'}")


class _Search:
    """A search in one text. It ends at the first match and leaves the rest unread."""

    def __init__(self, text: str, budget: Budget) -> None:
        self._text = text
        self._budget = budget
        self._value = _ABSENT
        self._pipe: str | None = None

    def run(self, path: str) -> Result:
        if path.startswith(".."):
            self._array(0, path[2:])
        else:
            start = re.search(r"[{\[]", self._text)
            if start:
                search = self._object if start.group() == "{" else self._array
                search(start.end(), path)
        if self._pipe is not None:
            return get(self._value.raw, self._pipe, self._budget)
        return self._value

    def _object(self, at: int, path: str) -> tuple[int, bool]:
        """The offset behind the object, and whether the path was found in it."""
        component = key_component(path)
        if component.pipe is not None:
            self._pipe = component.pipe
        matches = _matcher(component)
        while (token := _KEY.search(self._text, at)) is not None:
            if token.group() == "}":
                return token.end(), False
            key = string_at(self._text, token.start())
            if key is None:
                break
            self._budget.step()
            at = token.start() + len(key.raw)
            start = VALUE_START.search(self._text, at)
            if start is None:
                break
            at, found = self._entry(start.start(), component.path, matches(key.text))
            if found:
                return at, True
        return len(self._text), False

    def _entry(self, at: int, rest: str | None, matches: bool) -> tuple[int, bool]:
        """Takes, enters or skips the value at an offset."""
        if matches and rest is not None and self._text[at] in "{[":
            enter = self._object if self._text[at] == "{" else self._array
            return enter(at + 1, rest)
        value, end = value_at(self._text, at)
        if value is None:
            return len(self._text), False
        if matches and rest is None:
            self._value = value
            return end, True
        return end, False

    def _array(self, at: int, path: str) -> tuple[int, bool]:
        component, query = index_component(path)
        if component.pipe is not None:
            self._pipe = component.pipe
        if query is not None:
            return self._filtered(at, component, query)
        if "#" in component.part:
            return self._counted(at, component)
        wanted = int(component.part[:9]) if _is_index(component.part) else -1
        position = 0
        while (token := _ELEMENT.search(self._text, at)) is not None:
            if token.group() == "]":
                return token.end(), False
            self._budget.step()
            at, found = self._entry(token.start(), component.path, position == wanted)
            if found:
                return at, True
            position += 1
        return len(self._text), False

    def _elements(self, at: int) -> tuple[list[Result], int]:
        """The elements from an offset on, and the offset behind the array."""
        found: list[Result] = []
        while (token := _ELEMENT.search(self._text, at)) is not None and token.group() != "]":
            self._budget.step()
            value, at = value_at(self._text, token.start())
            if value is None:
                break
            found.append(value)
        return found, token.end() if token else len(self._text)

    def _counted(self, at: int, component: Component) -> tuple[int, bool]:
        """`#`, the number of elements, and `#.path`, the path of each element."""
        elements, end = self._elements(at)
        if component.part != "#":
            return end, False
        path = component.path
        if path is None:
            self._value = Result("number", str(len(elements)))
            return end, True
        if (split := split_pipe(path)) is not None:
            path, self._pipe = split
        members = [get(element.raw, path, self._budget) for element in elements]
        self._value = self._list(members)
        return end, True

    def _list(self, members: list[Result]) -> Result:
        raws = [member.raw or member.string() for member in members if member.exists]
        self._budget.memory(sum(map(len, raws)))
        return Result("json", f"[{','.join(raws)}]")

    def _filtered(self, at: int, component: Component, query: Query) -> tuple[int, bool]:
        elements, end = self._elements(at)
        path = component.path
        if path is not None and (split := split_pipe(path)) is not None:
            path, pipe = split
        else:
            pipe = None
        found: list[Result] = []
        for element in elements:
            if not self._holds(element, query):
                continue
            self._pipe = pipe if pipe is not None else self._pipe
            result = get(element.raw, path, self._budget) if path is not None else element
            if not query.every:
                self._value = result
                return end, True
            found.append(result)
        if query.every:
            self._value = self._list([r for r in found if r.raw or r.string()])
        return end, False

    def _holds(self, element: Result, query: Query) -> bool:
        value = element
        if element.kind == "json":
            value = get(element.raw, query.path, self._budget)
        elif query.path:
            return False
        return _compares(value, query)


def _is_index(part: str) -> bool:
    return part.isascii() and part.isdecimal() and len(part.lstrip("0")) < 9


def _matcher(component: Component):  # type: ignore[no-untyped-def]
    if not component.wild:
        return lambda key: key == component.part
    pattern = wildcard(component.part)
    return lambda key: pattern.fullmatch(tight(key)) is not None


def wildcard(pattern: str):  # type: ignore[no-untyped-def]
    """A pattern with `*` and `?` as a regular expression. A backslash makes them plain."""
    out: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\" and at + 1 < len(pattern):
            at += 1
            char = re2.escape(pattern[at])
        else:
            char = {"*": ".*", "?": "."}.get(char, re2.escape(char))
        out.append(char)
        at += 1
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    return re2.compile(tight("".join(out)), options)


def _words(value: Result) -> dict[str, bool]:
    """What the values `~true`, `~false`, `~null` and `~*` of a query match."""
    text = value.text.lower() if value.kind == "string" else ""
    is_number = value.kind == "number"
    return {
        "*": value.exists,
        "null": value.kind == "null",
        "true": value.kind == "true"
        or text in ("1", "t", "true")
        or (is_number and value.number != 0),
        "false": value.kind in ("null", "false")
        or text in ("0", "f", "false")
        or (is_number and value.number == 0),
    }


def _compares(value: Result, query: Query) -> bool:
    wanted = query.value
    if wanted.startswith("~"):
        holds = _words(value).get(wanted[1:])
        if holds is None:
            return False
        value, wanted = Result("true" if holds else "false"), "true"
    if not value.exists:
        return False
    if not query.operator:
        return True
    if value.kind == "string":
        return _compares_text(value.text, query.operator, wanted)
    if value.kind == "number":
        left, right = value.number, Result("number", wanted).number
        return _compares_order(query.operator, left < right, left == right, left > right)
    if value.kind in ("true", "false"):
        left_true = value.kind == "true"
        other = {"true": True, "false": False}.get(wanted)
        if query.operator in ("=", "!="):
            return (other is left_true) == (query.operator == "=")
        if query.operator in (">=", "<="):
            return left_true == (query.operator == ">=")
        if query.operator in (">", "<"):
            return left_true == (query.operator == ">") and other is (not left_true)
    return False


def _compares_text(left: str, operator: str, right: str) -> bool:
    if operator in ("%", "!%"):
        return (wildcard(right).fullmatch(tight(left)) is not None) == (operator == "%")
    a, b = tight(left), tight(right)
    return _compares_order(operator, a < b, a == b, a > b)


def _compares_order(operator: str, less: bool, equal: bool, greater: bool) -> bool:
    return {
        "=": equal, "!=": not equal, "<": less, "<=": less or equal, ">": greater,
        ">=": greater or equal,
    }.get(operator, False)  # fmt: skip


