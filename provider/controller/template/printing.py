"""Go's fmt: Print, Println and Printf of the values of templates."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from provider.controller.template.limits import Budget
from provider.controller.template.moments import format_moment
from provider.controller.template.numbers import format_float
from provider.controller.template.unicode_text import is_printable, loose, quote, tight
from provider.controller.template.values import (
    List,
    Map,
    Moment,
    Pair,
    Uint8,
    Uint32,
    Uint64,
    Value,
    Version,
    type_name,
)

_GO_LAYOUT: Final = b"2006-01-02 15:04:05.999999999 -0700 MST"
_TOO_LARGE: Final = 1_000_000
_INDEX: Final = re.compile(rb"\[([0-9]*)\]")


def go_print(args: Sequence[Value], budget: Budget) -> bytes:
    """fmt.Sprint: operands are separated by spaces where neither is a string."""
    printer = Printer(budget)
    previous_is_string = True
    for number, arg in enumerate(args):
        is_string = isinstance(arg, bytes)
        if number and not is_string and not previous_is_string:
            printer.write(b" ")
        printer.print_arg(arg, "v", Flags())
        previous_is_string = is_string
    return printer.result()


def go_println(args: Sequence[Value], budget: Budget) -> bytes:
    """fmt.Sprintln: operands are separated by spaces, and a newline follows."""
    printer = Printer(budget)
    for number, arg in enumerate(args):
        if number:
            printer.write(b" ")
        printer.print_arg(arg, "v", Flags())
    printer.write(b"\n")
    return printer.result()


def to_text(value: Value, budget: Budget) -> bytes:
    """The value as `%v` prints it."""
    return value if isinstance(value, bytes) else go_print([value], budget)


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


class Printer:
    """Collects formatted values; every byte counts against the budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._parts: list[bytes] = []

    def result(self) -> bytes:
        """Everything that was written."""
        return b"".join(self._parts)

    def write(self, data: bytes) -> None:
        """Appends the bytes."""
        self._budget.memory(len(data))
        self._parts.append(data)

    def pad(self, data: bytes, flags: Flags, *, zeros: bool = True) -> None:
        """Appends the bytes, padded to the width in runes."""
        missing = (flags.width or 0) - len(loose(data))
        if missing > 0:
            self._budget.padding(missing)
            filler = b"0" if zeros and "0" in flags and "-" not in flags else b" "
            data = data + b" " * missing if "-" in flags else filler * missing + data
        self.write(data)

    def print_arg(self, value: Value, verb: str, flags: Flags, depth: int = 0) -> None:
        """Appends a value as a verb formats it."""
        self._budget.step()
        self._budget.depth(depth)
        if verb == "T" and not depth:
            self.pad(type_name(value).encode(), flags)
        elif verb == "p":
            self.write(b"%!p(" + type_name(value).encode() + b")")
        elif value is None:
            self._nil(verb, flags, depth)
        elif isinstance(value, bool):
            self._bool(value, verb, flags)
        elif isinstance(value, int):
            self._integer(value, verb, flags)
        elif isinstance(value, float):
            self._float(value, verb, flags)
        elif isinstance(value, bytes):
            self._string(value, verb, flags)
        else:
            self._composite(value, verb, flags, depth)

    def _nil(self, verb: str, flags: Flags, depth: int) -> None:
        if verb != "v":
            self.write(b"%!" + verb.encode() + b"(<nil>)")
        elif flags.sharp_v and depth:
            self.write(b"interface {}(nil)")
        else:
            self.pad(b"<nil>", flags if not depth else Flags())

    def bad_verb(self, value: Value, verb: str, flags: Flags) -> None:
        """Appends Go's note that a verb does not fit a value."""
        self.write(b"%!" + tight(verb) + b"(" + type_name(value).encode() + b"=")
        self.print_arg(value, "v", flags, 1)
        self.write(b")")

    def _bool(self, value: bool, verb: str, flags: Flags) -> None:
        if verb in ("t", "v"):
            self.pad(b"true" if value else b"false", flags)
        else:
            self.bad_verb(value, verb, flags)

    def _integer(self, value: int, verb: str, flags: Flags) -> None:
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
        self._budget.padding(least)
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
        self._budget.padding(flags.precision or 0)
        text = f"U+{number:0{max(flags.precision or 0, 4)}X}"
        if "#" in flags and number <= 0x10FFFF and is_printable(chr(number)):
            text += f" '{chr(number)}'"
        self.pad(tight(text), flags, zeros=False)

    def _float(self, value: float, verb: str, flags: Flags) -> None:
        defaults = {"v": -1, "g": -1, "G": -1, "f": 6, "F": 6, "e": 6, "E": 6}
        if verb not in defaults:
            self.bad_verb(value, verb, flags)
            return
        precision = defaults[verb] if flags.precision is None else flags.precision
        self._budget.padding(precision)
        go_verb = {"v": "g", "F": "f"}.get(verb, verb)
        text = format_float(value, go_verb, precision)
        if text[0] not in "+-":
            text = "+" + text
        if " " in flags and text[0] == "+" and "+" not in flags:
            text = " " + text[1:]
        special = text[1] in "IN"
        if special and text[1] == "N" and " " not in flags and "+" not in flags:
            text = text[1:]
        elif "#" in flags and not special:
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
            self._budget.padding(width)
            self.write((text[0] + text[1:].rjust(width - 1, "0")).encode())
        else:
            self.pad(text.encode(), flags)

    def _string(self, value: bytes, verb: str, flags: Flags) -> None:
        if verb in ("x", "X"):
            self._hex(value, verb, flags)
            return
        if verb not in ("v", "s", "q"):
            self.bad_verb(value, verb, flags)
            return
        if flags.precision is not None:
            value = tight(loose(value)[: flags.precision])
        if verb == "q" or flags.sharp_v:
            self._budget.memory(len(value) * 4)
            if "#" in flags and _can_backquote(value):
                value = b"`" + value + b"`"
            else:
                value = quote(value, ascii_only="+" in flags)
        self.pad(value, flags)

    def _hex(self, value: bytes, verb: str, flags: Flags) -> None:
        if flags.precision is not None:
            value = value[: flags.precision]
        prefix = ("0X" if verb == "X" else "0x") if "#" in flags else ""
        digits = [f"{byte:02{verb}}" for byte in value]
        if " " in flags:
            text = " ".join(prefix + pair for pair in digits)
        else:
            text = prefix + "".join(digits) if digits else ""
        self._budget.memory(len(text))
        self.pad(text.encode(), flags)

    def _composite(self, value: Value, verb: str, flags: Flags, depth: int) -> None:
        if isinstance(value, Moment | Version):
            self._stringer(value, verb, flags)
        elif isinstance(value, List):
            self._list(value, verb, flags, depth)
        elif isinstance(value, Map):
            self._map(value, verb, flags, depth)
        elif isinstance(value, Pair):
            self._pair(value, verb, flags, depth)

    def _stringer(self, value: Moment | Version, verb: str, flags: Flags) -> None:
        if verb in ("v", "s", "q", "x", "X") and not flags.sharp_v:
            is_moment = isinstance(value, Moment)
            text = format_moment(value, _GO_LAYOUT) if is_moment else str(value).encode()
            self._string(text, verb, flags)
        else:
            self.bad_verb(b"", verb, flags)

    def _list(self, value: List, verb: str, flags: Flags, depth: int) -> None:
        if flags.sharp_v:
            self.write(type_name(value).encode())
            if value.nil:
                self.write(b"(nil)")
                return
        self.write(b"{" if flags.sharp_v else b"[")
        for number, item in enumerate(value.items):
            if number:
                self.write(b", " if flags.sharp_v else b" ")
            self.print_arg(item, verb, flags, depth + 1)
        self.write(b"}" if flags.sharp_v else b"]")

    def _map(self, value: Map, verb: str, flags: Flags, depth: int) -> None:
        self.write(type_name(value).encode() + b"{" if flags.sharp_v else b"map[")
        for number, key in enumerate(sorted(value.items)):
            if number:
                self.write(b", " if flags.sharp_v else b" ")
            self._string(key, verb, flags)
            self.write(b":")
            self.print_arg(value.items[key], verb, flags, depth + 1)
        self.write(b"}" if flags.sharp_v else b"]")

    def _pair(self, value: Pair, verb: str, flags: Flags, depth: int) -> None:
        names = flags.sharp_v or flags.plus_v
        self.write(b"sprig.certificate{" if flags.sharp_v else b"{")
        for number, (name, item) in enumerate(((b"Cert:", value.cert), (b"Key:", value.key))):
            if number:
                self.write(b", " if flags.sharp_v else b" ")
            self.write(name if names else b"")
            self.print_arg(item, verb, flags, depth + 1)
        self.write(b"}")


def _can_backquote(value: bytes) -> bool:
    text = loose(value)
    return all(
        c == "\t" or (c >= " " and c not in "`\x7f\ufeff" and not 0xD800 <= ord(c) < 0xE000)
        for c in text
    )


def _with_point(text: str, verb: str, precision: int) -> str:
    """The `#` flag: always a decimal point, and for g the zeros that fill the precision."""
    mantissa, letter, exponent = text.partition("e" if verb != "G" else "E")
    wanted = 0
    if verb in ("g", "G"):
        wanted = 6 if precision == -1 else precision
    digits = mantissa[1:].replace(".", "").lstrip("0")
    if "." not in mantissa:
        wanted -= mantissa[1:] == "0"
        mantissa += "."
    return mantissa + "0" * (wanted - len(digits)) + letter + exponent


def go_printf(template: bytes, args: Sequence[Value], budget: Budget) -> bytes:
    """fmt.Sprintf."""
    return _Format(template, args, budget).run()


class _Format:
    def __init__(self, template: bytes, args: Sequence[Value], budget: Budget) -> None:
        self._format = template
        self._args = args
        self._at = 0
        self._arg = 0
        self._good = True
        self._reordered = False
        self._printer = Printer(budget)

    def run(self) -> bytes:
        end = len(self._format)
        while self._at < end:
            start = self._format.find(b"%", self._at)
            stop = start if start >= 0 else end
            self._printer.write(self._format[self._at : stop])
            self._at = stop + 1
            if start >= 0 and not self._verb():
                break
        self._extra()
        return self._printer.result()

    def _byte(self) -> bytes:
        return self._format[self._at : self._at + 1]

    def _verb(self) -> bool:
        self._good = True
        flags = Flags()
        while (char := self._byte()) and char in b"#0+- ":
            flags.flags.add(char.decode())
            self._at += 1
        indexed = self._index()
        indexed = self._width(flags, indexed)
        indexed = self._precision(flags, indexed)
        if not indexed:
            self._index()
        if self._at >= len(self._format):
            self._printer.write(b"%!(NOVERB)")
            return False
        verb = loose(self._format[self._at : self._at + 4])[0]
        self._at += len(tight(verb))
        self._print(verb, flags)
        return True

    def _print(self, verb: str, flags: Flags) -> None:
        if verb == "%":
            self._printer.write(b"%")
        elif not self._good:
            self._printer.write(b"%!" + tight(verb) + b"(BADINDEX)")
        elif self._arg >= len(self._args):
            self._printer.write(b"%!" + tight(verb) + b"(MISSING)")
        else:
            if verb == "v":
                flags.sharp_v = "#" in flags
                flags.plus_v = "+" in flags
                flags.flags -= {"#", "+"}
            value = self._args[self._arg]
            self._arg += 1
            if verb == "w":
                self._printer.bad_verb(value, verb, flags)
            else:
                self._printer.print_arg(value, verb, flags)

    def _index(self) -> bool:
        if self._byte() != b"[":
            return False
        self._reordered = True
        match = _INDEX.match(self._format, self._at)
        if not match:
            closing = self._format.find(b"]", self._at)
            self._good = False
            self._at = closing + 1 if closing >= 0 else self._at + 1
            return False
        self._at = match.end()
        number = int(match.group(1)[:9] or b"0") - 1
        if match.group(1) and 0 <= number < len(self._args):
            self._arg = number
            return True
        self._good = False
        return bool(match.group(1))

    def _star(self) -> int | None:
        """The next operand as a width or precision, or None where it cannot be one."""
        self._at += 1
        if self._arg >= len(self._args):
            return None
        value = self._args[self._arg]
        self._arg += 1
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _TOO_LARGE:
            return None
        return int(value)

    def _number(self) -> int | None:
        start = self._at
        while self._byte().isdigit():
            self._at += 1
        digits = self._format[start : self._at]
        if not digits or len(digits.lstrip(b"0")) > 7 or int(digits) > 10 * _TOO_LARGE:
            if digits:
                self._at = len(self._format)
            return None
        return int(digits)

    def _width(self, flags: Flags, indexed: bool) -> bool:
        if self._byte() != b"*":
            flags.width = self._number()
            if indexed and flags.width is not None:
                self._good = False
            return indexed
        flags.width = self._star()
        if flags.width is None:
            self._printer.write(b"%!(BADWIDTH)")
        elif flags.width < 0:
            flags.width = -flags.width
            flags.flags.add("-")
        return False

    def _precision(self, flags: Flags, indexed: bool) -> bool:
        if self._byte() != b"." or self._at + 1 >= len(self._format):
            return indexed
        self._at += 1
        if indexed:
            self._good = False
        indexed = self._index()
        if self._byte() != b"*":
            flags.precision = self._number() or 0
            return indexed
        precision = self._star()
        if precision is None:
            self._printer.write(b"%!(BADPREC)")
        flags.precision = precision if precision is not None and precision >= 0 else None
        return False

    def _extra(self) -> None:
        if self._reordered or self._arg >= len(self._args):
            return
        self._printer.write(b"%!(EXTRA ")
        for number, value in enumerate(self._args[self._arg :]):
            if number:
                self._printer.write(b", ")
            if value is None:
                self._printer.write(b"<nil>")
            else:
                self._printer.write(type_name(value).encode() + b"=")
                self._printer.print_arg(value, "v", Flags())
        self._printer.write(b")")
