"""Writes YAML as go-yaml does, on PyYAML's emitter."""

import re
from collections.abc import Iterator
from functools import cmp_to_key
from typing import Final

import yaml
from yaml.emitter import Emitter, ScalarAnalysis

from provider.controller.template.go_yaml import is_date, scalar
from provider.controller.template.limits import Budget
from provider.controller.template.numbers import format_float
from provider.controller.template.values import List, Map, Value


class _Dumper(yaml.Dumper):
    """Differs from PyYAML's where go-yaml does."""

    def check_simple_key(self) -> bool:
        """An empty key is a simple key."""
        event = self.event
        if isinstance(event, yaml.ScalarEvent) and not event.value:
            self.analysis = self.analysis or self.analyze_scalar(event.value)
            return True
        return bool(super().check_simple_key())

    def check_empty_document(self) -> bool:
        """An empty document needs no marker."""
        return False

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        """Long lines are broken at spaces only, and the space is the break."""
        self.write_indicator('"', True)
        after_space = False
        for at, char in enumerate(text):
            breaks = split and not after_space and self.column > self.best_width
            if char == " " and breaks and 0 < at < len(text) - 1:
                self.write_indent()
                piece = "\\" if text[at + 1] == " " else ""
            else:
                piece = _escaped(char)
            after_space = char == " "
            self.column += len(piece)
            self.stream.write(piece)
        self.write_indicator('"', False)

    def analyze_scalar(self, scalar: str) -> ScalarAnalysis:
        """A text with characters beyond the basic plane is written in double quotes."""
        analysis = super().analyze_scalar(scalar)
        if any(char > "\uffff" for char in scalar):
            analysis.allow_flow_plain = analysis.allow_block_plain = False
            analysis.allow_single_quoted = analysis.allow_block = False
        return analysis


def emit(value: Value, budget: Budget) -> str:
    """The value as go-yaml writes it, without the last newline."""
    events: list[yaml.Event] = [
        yaml.StreamStartEvent(), yaml.DocumentStartEvent(explicit=False),
    ]  # fmt: skip
    events += _events(value, budget, 0)
    events += [yaml.DocumentEndEvent(explicit=False), yaml.StreamEndEvent()]
    budget.step(len(events) * 10)
    text: str = yaml.emit(events, Dumper=_Dumper, allow_unicode=True, width=80)
    return text.removesuffix("...\n").removesuffix("\n")


def _events(value: Value, budget: Budget, depth: int) -> Iterator[yaml.Event]:
    budget.step()
    budget.depth(depth)
    if isinstance(value, List):
        yield yaml.SequenceStartEvent(None, None, implicit=True, flow_style=not value.items)
        for item in value.items:
            yield from _events(item, budget, depth + 1)
        yield yaml.SequenceEndEvent()
    elif isinstance(value, Map):
        yield yaml.MappingStartEvent(None, None, implicit=True, flow_style=not value.items)
        for key in sorted(value.items, key=cmp_to_key(_compare)):
            yield from _events(key, budget, depth + 1)
            yield from _events(value.items[key], budget, depth + 1)
        yield yaml.MappingEndEvent()
    else:
        yield _scalar_event(value)


def _scalar_event(value: Value) -> yaml.ScalarEvent:
    style: str | None = None
    if isinstance(value, bytes):
        text = value.decode("utf-8", "replace")
        if "\n" in text:
            style = "|"
        elif _needs_quotes(text):
            style = '"'
    elif value is None:
        text = "null"
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, float):
        text = _float_text(value)
    else:
        text = str(value)
    return yaml.ScalarEvent(None, None, (True, True), text, style=style)


_BASE60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,1000}")


def _float_text(number: float) -> str:
    text = format_float(number, "g")
    return {"+Inf": ".inf", "-Inf": "-.inf", "NaN": ".nan"}.get(text, text)


def _escaped(char: str) -> str:
    """A character in double quotes. go-yaml escapes what is beyond the basic plane."""
    code = ord(char)
    if char in Emitter.ESCAPE_REPLACEMENTS:
        return "\\" + Emitter.ESCAPE_REPLACEMENTS[char]
    if (
        0x20 <= code <= 0x7E
        or 0xA0 <= code <= 0xD7FF
        or (0xE000 <= code <= 0xFFFD and code != 0xFEFF)
    ):
        return char
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def _needs_quotes(text: str) -> bool:
    is_text = isinstance(scalar(text, None, plain=True), bytes)
    return not is_text or is_date(text) or _BASE60.fullmatch(text) is not None


def _compare(left: bytes, right: bytes) -> int:
    """go-yaml's order of keys: numbers inside of them count as numbers, letters come last."""
    a, b = left.decode("utf-8", "replace"), right.decode("utf-8", "replace")
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
    if at is None:
        return len(a) - len(b)
    if a[at].isalpha() or b[at].isalpha():
        if a[at].isalpha() and b[at].isalpha():
            return -1 if a[at] < b[at] else 1
        return -1 if b[at].isalpha() else 1
    digits = len(a[:at]) - len(a[:at].rstrip("0123456789"))
    before = a[at - digits : at] if "0" in (a[at], b[at]) else ""
    lead = "1" if before.strip("0") else ""
    run_a, run_b = _digits(a, at), _digits(b, at)
    number_a, number_b = int(lead + run_a or "0"), int(lead + run_b or "0")
    if number_a != number_b:
        return -1 if number_a < number_b else 1
    if len(run_a) != len(run_b):
        return len(run_a) - len(run_b)
    return -1 if a[at] < b[at] else 1


def _digits(text: str, at: int) -> str:
    match = _DIGITS.match(text, at)
    return match.group() if match else ""
