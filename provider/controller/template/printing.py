"""Go's fmt: Print and Println of the values of templates."""

from collections.abc import Sequence
from typing import Final

from provider.controller.template.limits import Budget
from provider.controller.template.moments import format_moment
from provider.controller.template.scalar_printing import Flags, ScalarPrinter
from provider.controller.template.values import List, Map, Moment, Pair, Value, Version, type_name

_GO_LAYOUT: Final = b"2006-01-02 15:04:05.999999999 -0700 MST"


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


class Printer(ScalarPrinter):
    """Collects formatted values of every type."""

    def print_arg(self, value: Value, verb: str, flags: Flags, depth: int = 0) -> None:
        """Appends a value as a verb formats it."""
        self.budget.step()
        self.budget.depth(depth)
        if verb == "T" and not depth:
            self.pad(type_name(value).encode(), flags)
        elif verb == "p" and isinstance(value, List | Map | Moment | Version | Pair):
            self.write(b"%!p(" + type_name(value).encode() + b")")
        elif value is None:
            self.print_nil(verb, flags, depth)
        elif isinstance(value, bool):
            self.print_bool(value, verb, flags)
        elif isinstance(value, int):
            self.print_integer(value, verb, flags)
        elif isinstance(value, float):
            self.print_float(value, verb, flags)
        elif isinstance(value, bytes):
            self.print_string(value, verb, flags)
        else:
            self._composite(value, verb, flags, depth)

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
        if verb in ("v", "s", "q", "x", "X"):
            if isinstance(value, Moment):
                text = format_moment(value, _GO_LAYOUT)
            else:
                text = str(value).encode()
            self.print_string(text, verb, flags)
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
            self.print_string(key, verb, flags)
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
