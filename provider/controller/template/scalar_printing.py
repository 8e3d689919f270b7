"""Go's fmt for values without elements: flags, widths, and the verbs of each type."""

import re
from dataclasses import dataclass, field
from typing import Final

from provider.controller.template.limits import Budget
from provider.controller.template.numbers import format_float
from provider.controller.template.unicode_text import from_utf8, is_printable, quote, to_utf8
from provider.controller.template.values import (
    Uint8,
    Uint32,
    Uint64,
    Value,
    type_name,
)


@dataclass(slots=True)
class Flags:
    """The flags, width and precision of one verb."""

    flags: set[str] = field(default_factory=set)
    width: int | None = None
    precision: int | None = None
    sharp_v: bool = False
    plus_v: bool = False

    def __contains__(self, flag: str) -> bool:
        return flag in self.flags


class ScalarPrinter:
    """Formats values that have no elements; every byte counts against the budget."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.parts: list[bytes] = []

    def result(self) -> bytes:
        """Everything that was written."""
        return b"".join(self.parts)

    def write(self, data: bytes) -> None:
        """Appends the bytes."""
        self.budget.memory(len(data))
        self.parts.append(data)

    def pad(self, data: bytes, flags: Flags, *, zeros: bool = True) -> None:
        """Appends the bytes, padded to the width in runes."""
        missing = (flags.width or 0) - len(from_utf8(data))
        if missing > 0:
            self.budget.padding(missing)
            filler = b"0" if zeros and "0" in flags and "-" not in flags else b" "
            data = data + b" " * missing if "-" in flags else filler * missing + data
        self.write(data)

    def print_arg(self, value: Value, verb: str, flags: Flags, depth: int = 0) -> None:
        """Appends a value as a verb formats it."""
        raise NotImplementedError

    def print_nil(self, verb: str, flags: Flags, depth: int) -> None:
        """Appends a nil."""
        if verb != "v" and not depth:
            self.write(b"%!" + verb.encode() + b"(<nil>)")
        elif flags.sharp_v and depth:
            self.write(b"interface {}(nil)")
        else:
            self.pad(b"<nil>", flags if not depth else Flags())

    def bad_verb(self, value: Value, verb: str, flags: Flags) -> None:
        """Appends Go's note that a verb does not fit a value."""
        self.write(b"%!" + to_utf8(verb) + b"(" + type_name(value).encode() + b"=")
        self.print_arg(value, "v", flags, 1)
        self.write(b")")

    def print_bool(self, value: bool, verb: str, flags: Flags) -> None:
        """Appends a boolean."""
        if verb in ("t", "v"):
            self.pad(b"true" if value else b"false", flags)
        else:
            self.bad_verb(value, verb, flags)

    def print_integer(self, value: int, verb: str, flags: Flags) -> None:
        """Appends an integer."""
        bases = {"v": 10, "d": 10, "b": 2, "o": 8, "O": 8, "x": 16, "X": 16}
        if verb in bases:
            base = bases[verb]
            if verb == "v" and flags.sharp_v and isinstance(value, Uint8 | Uint32 | Uint64):
                flags = Flags(flags.flags | {"#"}, flags.width, flags.precision)
                base = 16
            self._digits(value, base, verb, flags)
        elif verb in ("c", "q"):
            self._rune(value, verb, flags)
        elif verb == "U":
            self._unicode(value, flags)
        else:
            self.bad_verb(value, verb, flags)

    def _digits(self, value: int, base: int, verb: str, flags: Flags) -> None:
        if flags.precision == 0 and value == 0:
            self.pad(b"", flags, zeros=False)
            return
        code = {2: "b", 8: "o", 10: "d", 16: "X" if verb == "X" else "x"}[base]
        digits = format(abs(value), code)
        least = flags.precision or 0
        if flags.precision is None and "0" in flags and "-" not in flags and flags.width:
            least = flags.width - (value < 0 or "+" in flags or " " in flags)
        self.budget.padding(least)
        digits = digits.rjust(least, "0")
        if "#" in flags:
            digits = {2: "0b", 8: "" if digits[0] == "0" else "0", 16: f"0{code}"}.get(
                base, ""
            ) + digits
        if verb == "O":
            digits = "0o" + digits
        sign = "-" if value < 0 else "+" if "+" in flags else " " if " " in flags else ""
        self.pad((sign + digits).encode(), flags, zeros=False)

    def _rune(self, value: int, verb: str, flags: Flags) -> None:
        is_rune = 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000
        char = chr(value) if is_rune else "\ufffd"
        if verb == "c":
            self.pad(char.encode(), flags)
        else:
            self.pad(quote(char.encode(), "'", ascii_only="+" in flags), flags)

    def _unicode(self, value: int, flags: Flags) -> None:
        number = value % (1 << 64)
        self.budget.padding(flags.precision or 0)
        text = f"U+{number:0{max(flags.precision or 0, 4)}X}"
        if "#" in flags and number <= 0x10FFFF and is_printable(chr(number)):
            text += f" '{chr(number)}'"
        self.pad(to_utf8(text), flags, zeros=False)

    def print_float(self, value: float, verb: str, flags: Flags) -> None:
        """Appends a float."""
        defaults = dict.fromkeys("vgGbxX", -1) | dict.fromkeys("fFeE", 6)
        if verb not in defaults:
            self.bad_verb(value, verb, flags)
            return
        precision = defaults[verb] if flags.precision is None else flags.precision
        self.budget.padding(precision)
        go_verb = {"v": "g", "F": "f"}.get(verb, verb)
        text = format_float(value, go_verb, precision)
        if text[0] not in "+-":
            text = "+" + text
        if " " in flags and text[0] == "+" and "+" not in flags:
            text = " " + text[1:]
        special = text[1] in "IN"
        if special and text[1] == "N" and " " not in flags and "+" not in flags:
            text = text[1:]
        elif "#" in flags and not special and verb != "b":
            text = _with_point(text, go_verb, precision)
        self._pad_float(text, flags, special)

    def _pad_float(self, text: str, flags: Flags, special: bool) -> None:
        if special:
            self.pad(text.encode(), flags, zeros=False)
            return
        width = flags.width or 0
        if "+" not in flags and text[0] == "+":
            self.pad(text[1:].encode(), flags)
        elif "0" in flags and "-" not in flags and width > len(text):
            self.budget.padding(width)
            self.write((text[0] + text[1:].rjust(width - 1, "0")).encode())
        else:
            self.pad(text.encode(), flags)

    def print_string(self, value: bytes, verb: str, flags: Flags) -> None:
        """Appends a string."""
        if verb in ("x", "X"):
            self._hex(value, verb, flags)
            return
        if verb not in ("v", "s", "q"):
            self.bad_verb(value, verb, flags)
            return
        if flags.precision is not None:
            value = to_utf8(from_utf8(value)[: flags.precision])
        if verb == "q" or flags.sharp_v:
            self.budget.memory(len(value) * 4)
            if "#" in flags and _can_backquote(value):
                value = b"`" + value + b"`"
            else:
                value = quote(value, ascii_only="+" in flags)
        self.pad(value, flags)

    def _hex(self, value: bytes, verb: str, flags: Flags) -> None:
        if flags.precision is not None:
            value = value[: flags.precision]
        prefix = ("0X" if verb == "X" else "0x") if "#" in flags else ""
        self.budget.memory(len(value) * 8)
        digits = value.hex(" ") if " " in flags else value.hex()
        if verb == "X":
            digits = digits.upper()
        text = prefix + digits.replace(" ", f" {prefix}") if digits else ""
        self.pad(text.encode(), flags)


def _can_backquote(value: bytes) -> bool:
    text = from_utf8(value)
    return all(
        c == "\t" or (c >= " " and c not in "`\x7f\ufeff" and not 0xD800 <= ord(c) < 0xE000)
        for c in text
    )


_EXPONENT: Final = re.compile("[eE](?=[+-])|[pP]")


def _with_point(text: str, verb: str, precision: int) -> str:
    """The `#` flag: always a decimal point, and for g the zeros that fill the precision."""
    found = _EXPONENT.search(text)
    end = found.start() if found else len(text)
    mantissa, exponent = text[:end], text[end:]
    wanted = 0
    if verb in ("g", "G", "x"):
        wanted = 6 if precision == -1 else precision
    digits = mantissa[1:].replace(".", "").lstrip("0")
    if "." not in mantissa:
        wanted -= mantissa[1:] == "0"
        mantissa += "."
    return mantissa + "0" * (wanted - len(digits)) + exponent
