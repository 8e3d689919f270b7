"""Finds what a gjson path names in a JSON text."""

import re
from typing import Final

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
from provider.controller.gjson.queries import key_matcher, matches
from provider.controller.gjson.results import (
    VALUE_START,
    Result,
    parse,
    squash_any,
    string_at,
    value_at,
)
from provider.controller.gjson.texts import is_valid, json_string
from provider.controller.template.limits import Budget

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
        applied = modified(text, path, budget) if path[0] == "@" else split_literal(path)
        if applied is None:
            return None
        rest, value = applied
        budget.memory(len(value))
        return get(value, rest[1:], budget) if rest[:1] in ("|", ".") else parse(value)
    if path[0] in "[{":
        chosen, rest = selectors(path)
        if chosen is None or rest[:1] not in ("", "|", "."):
            return _Search(text, budget).run(rest)  # malformed: gjson goes on with the rest
        result = _multipath(text, path[0], chosen, budget)
        return get(result.raw, rest[1:], budget) if rest else result
    return None


def split_literal(path: str) -> tuple[str, str] | None:
    """The rest of a path behind its literal, and the value of that. None without a literal."""
    name = path[1:]
    if name[0] in _STATIC:
        value = squash_any(name)
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
        is_wanted = key_matcher(component, self._budget)
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
            at, found = self._entry(start.start(), component.path, is_wanted(key.text))
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
        """The elements from an offset on, and the offset behind the array.

        The offset is beyond the text if a string does not end.
        """
        found: list[Result] = []
        while (token := _ELEMENT.search(self._text, at)) is not None and token.group() != "]":
            self._budget.step()
            value, at = value_at(self._text, token.start())
            if value is None:
                return found, len(self._text) + 1
            found.append(value)
        return found, token.end() if token else at

    def _counted(self, at: int, component: Component) -> tuple[int, bool]:
        """`#`, the number of elements, and `#.path`, the path of each element."""
        elements, end = self._elements(at)
        if component.part != "#" or end > len(self._text):
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
        if query.every and end <= len(self._text):
            self._value = self._list([r for r in found if r.raw or r.string()])
        return end, False

    def _holds(self, element: Result, query: Query) -> bool:
        value = element
        if element.kind == "json":
            value = get(element.raw, query.path, self._budget)
        elif query.path:
            return False
        return matches(value, query, self._budget)


def _is_index(part: str) -> bool:
    return part.isascii() and part.isdecimal() and len(part.lstrip("0")) < 9
