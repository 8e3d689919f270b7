"""Go's fmt.Sprintf."""

import re
from collections.abc import Sequence
from typing import Final

from provider.controller.template.limits import Budget
from provider.controller.template.printing import Printer
from provider.controller.template.scalar_printing import Flags
from provider.controller.template.unicode_text import from_utf8, to_utf8
from provider.controller.template.values import Value, type_name

_TOO_LARGE: Final = 1_000_000
_INDEX: Final = re.compile(rb"\[([0-9]*)\]")


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
        self._budget = budget
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
        self._budget.step()
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
        verb = from_utf8(self._format[self._at : self._at + 4])[0]
        self._at += len(to_utf8(verb))
        self._print(verb, flags)
        return True

    def _print(self, verb: str, flags: Flags) -> None:
        if verb == "%":
            self._printer.write(b"%")
        elif not self._good:
            self._printer.write(b"%!" + to_utf8(verb) + b"(BADINDEX)")
        elif self._arg >= len(self._args):
            self._printer.write(b"%!" + to_utf8(verb) + b"(MISSING)")
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
            self._budget.step((len(self._format) - self._at) >> 10)
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
