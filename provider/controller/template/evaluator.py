"""Renders a parsed template, as text/template executes one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from provider.controller.template.errors import FunctionError, LimitExceeded, TemplateError
from provider.controller.template.limits import Budget
from provider.controller.template.nodes import (
    Action,
    Branch,
    Call,
    Chain,
    Command,
    Dot,
    Field,
    Identifier,
    Jump,
    Literal,
    Node,
    Number,
    Pipe,
    Text,
    Variable,
)
from provider.controller.template.printing import to_text
from provider.controller.template.registry import (
    Function,
    accepts_nil,
    go_type,
    is_assignable,
    nil_of,
)
from provider.controller.template.unicode_text import tight
from provider.controller.template.values import (
    List,
    Map,
    Moment,
    Pair,
    Uint32,
    Uint64,
    Value,
    Version,
    is_true,
    size_of,
    type_name,
)


class _Missing:
    """Marks that a pipeline has no value yet."""


_MISSING: Final = _Missing()
_FAULTS: Final = (ArithmeticError, LookupError, RecursionError, ValueError)
_MOST_SOURCE: Final = 100


@dataclass(frozen=True, slots=True)
class Program:
    """A parsed template: its name, its text, its trees, and what it may call."""

    name: str
    text: str
    trees: Mapping[str, Sequence[Node]]
    functions: Mapping[str, Function]
    missing_key_fails: bool


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class Evaluation:
    """One rendering of a program."""

    def __init__(self, program: Program, budget: Budget) -> None:
        self._program = program
        self._budget = budget
        self._output: list[bytes] = []
        self._variables: list[tuple[str, Value]] = []
        self._template = program.name
        self._node: Node = Text(0, b"")
        self._depth = 0

    def render(self, data: Value) -> bytes:
        """The output. Raises TemplateError."""
        self._variables = [("$", data)]
        try:
            self._walk(data, self._program.trees[self._program.name])
        except LimitExceeded as error:
            raise self._error(str(error)) from None
        except RecursionError:
            raise self._error("nested too deeply") from None
        return b"".join(self._output)

    def _error(self, reason: str) -> TemplateError:
        before = self._program.text[: self._node.position]
        line = before.count("\n") + 1
        column = len(tight(before[before.rfind("\n") + 1 :]))
        place = f"{self._program.name}:{line}:{column}"
        source = self._node.source()
        if len(source) > _MOST_SOURCE:
            source = source[: _MOST_SOURCE - 1] + "…"
        message = f'template: {place}: executing "{self._template}" at <{source}>: {reason}'
        return TemplateError(message, place=place, fault=reason)

    def _fail(self, reason: str) -> NoReturn:
        raise self._error(reason)

    def _at(self, node: Node) -> None:
        self._node = node
        self._budget.step()

    # --- blocks ---

    def _walk(self, dot: Value, nodes: Sequence[Node]) -> None:
        self._depth += 1
        self._budget.depth(self._depth)
        for node in nodes:
            self._at(node)
            match node:
                case Text():
                    self._write(node.data)
                case Action():
                    self._action(dot, node)
                case Branch():
                    self._branch(dot, node)
                case Call():
                    self._call_template(dot, node)
                case Jump():
                    raise _Break if node.word == "break" else _Continue
        self._depth -= 1

    def _write(self, data: bytes) -> None:
        self._budget.output(len(data))
        self._output.append(data)

    def _action(self, dot: Value, node: Action) -> None:
        value = self._pipeline(dot, node.pipe)
        if not node.pipe.variables:
            self._at(node)
            printed = b"<no value>" if value is None else to_text(value, self._budget)
            self._write(printed)

    def _branch(self, dot: Value, node: Branch) -> None:
        known = len(self._variables)
        if node.word == "range":
            self._range(dot, node)
        else:
            value = self._pipeline(dot, node.pipe)
            if is_true(value):
                self._walk(value if node.word == "with" else dot, node.body)
            elif node.otherwise is not None:
                self._walk(dot, node.otherwise)
        del self._variables[known:]

    def _range(self, dot: Value, node: Branch) -> None:
        pairs = self._pairs(self._pipeline(dot, node.pipe), len(node.pipe.variables))
        declared = len(self._variables)
        depth = self._depth
        ran = False
        for key, value in pairs:
            ran = True
            self._at(node)
            self._bind(node.pipe, key, value, declared)
            try:
                self._walk(value, node.body)
            except _Continue:
                self._depth = depth
            except _Break:
                self._depth = depth
                break
            del self._variables[declared:]
        if not ran and node.otherwise is not None:
            del self._variables[declared:]
            self._walk(dot, node.otherwise)

    def _pairs(self, value: Value, variables: int) -> "Sequence[tuple[Value, Value]] | _Count":
        if isinstance(value, List):
            return list(enumerate(value.items))
        if isinstance(value, Map):
            return sorted(value.items.items())
        if value is None:
            return []
        if isinstance(value, int) and not isinstance(value, bool):
            if variables > 1:
                self._fail("can't use an integer to iterate over more than one variable")
            return _Count(value)
        self._fail(f"range can't iterate over type {type_name(value)}")

    def _bind(self, pipe: Pipe, key: Value, value: Value, top: int) -> None:
        names = pipe.variables
        values = [key, value] if len(names) > 1 else [value]
        for offset, (name, bound) in enumerate(zip(names, values, strict=False)):
            if pipe.assigns:
                self._assign(name, bound)
            else:
                self._variables[top - len(names) + offset] = (name, bound)

    def _call_template(self, dot: Value, node: Call) -> None:
        tree = self._program.trees.get(node.name)
        if tree is None:
            self._fail(f'template "{node.name}" not defined')
        value = self._pipeline(dot, node.pipe) if node.pipe else None
        variables, template = self._variables, self._template
        self._variables, self._template = [("$", value)], node.name
        self._walk(value, tree)
        self._variables, self._template = variables, template

    # --- pipelines ---

    def _pipeline(self, dot: Value, pipe: Pipe) -> Value:
        self._at(pipe)
        self._depth += 1
        self._budget.depth(self._depth)
        value: Value = _MISSING
        for command in pipe.commands:
            value = self._command(dot, command, value)
        self._depth -= 1
        for name in pipe.variables:
            if pipe.assigns:
                self._assign(name, value)
            else:
                self._variables.append((name, value))
        return value

    def _assign(self, name: str, value: Value) -> None:
        for index in range(len(self._variables) - 1, -1, -1):
            if self._variables[index][0] == name:
                self._variables[index] = (name, value)
                return
        self._fail(f"undefined variable: {name}")

    def _command(self, dot: Value, command: Command, final: Value) -> Value:
        first, args = command.args[0], command.args[1:]
        match first:
            case Field():
                return self._fields(dot, first, first.names, args, final)
            case Chain():
                receiver = self._chain_receiver(dot, first)
                return self._fields(receiver, first, first.names, args, final)
            case Identifier():
                return self._call(dot, first.name, command, args, final)
            case Variable() if len(first.names) > 1:
                receiver = self._variable(first)
                return self._fields(receiver, first, first.names[1:], args, final)
        self._at(first)
        if args or final is not _MISSING:
            self._fail(f"can't give argument to non-function {first.source()}")
        return self._operand(dot, first)

    def _operand(self, dot: Value, node: Node) -> Value:
        match node:
            case Pipe():
                return self._pipeline(dot, node)
            case Variable():
                return self._variable(node)
            case Dot():
                return dot
            case Number():
                return self._number(node)
            case Literal() if node.value is not None:
                return node.value
        self._fail("nil is not a command")

    def _number(self, node: Number) -> Value:
        is_real = any(c in ".eEpP" for c in node.written) and node.written[0] != "'"
        if is_real and not node.written.lower().lstrip("+-").startswith("0x"):
            return node.real
        if is_real and "p" in node.written.lower():
            return node.real
        if node.integer is None or not -(1 << 63) <= node.integer < 1 << 63:
            self._fail(f"{node.written} overflows int")
        return node.integer

    def _variable(self, node: Variable) -> Value:
        self._at(node)
        for name, value in reversed(self._variables):
            if name == node.names[0]:
                return value
        self._fail(f"undefined variable: {node.names[0]}")

    def _chain_receiver(self, dot: Value, node: Chain) -> Value:
        self._at(node)
        if isinstance(node.of, Literal) and node.of.value is None:
            self._fail(f"indirection through explicit nil in {node.source()}")
        return self._argument(dot, "any", node.of)

    def _fields(
        self,
        receiver: Value,
        node: Node,
        names: Sequence[str],
        args: Sequence[Node],
        final: Value,
    ) -> Value:
        self._at(node)
        for index, name in enumerate(names):
            has_args = index == len(names) - 1 and bool(args or final is not _MISSING)
            receiver = self._field(receiver, name, has_args)
        return receiver

    def _field(self, receiver: Value, name: str, has_args: bool) -> Value:
        if receiver is None:
            if self._program.missing_key_fails:
                self._fail(f'nil data; no entry for key "{name}"')
            return None
        if isinstance(receiver, Map):
            if has_args:
                self._fail(f"{name} is not a method but has arguments")
            key = tight(name)
            if key not in receiver.items and self._program.missing_key_fails:
                self._fail(f'map has no entry for key "{name}"')
            return receiver.items.get(key)
        members = _members(receiver)
        if name not in members:
            self._fail(f"can't evaluate field {name} in type {type_name(receiver)}")
        if has_args:
            self._fail(f"{name} has arguments but takes none")
        return members[name]

    # --- calls ---

    def _call(
        self, dot: Value, name: str, node: Node, args: Sequence[Node], final: Value
    ) -> Value:
        self._at(node)
        function = self._program.functions[name]
        if name in ("and", "or"):
            return self._shortcut(dot, name, args, final)
        count = len(args) + (final is not _MISSING)
        self._check_count(function, count)
        values = [
            self._argument(dot, function.parameter(index), arg) for index, arg in enumerate(args)
        ]
        if final is not _MISSING:
            values.append(self._valid(final, function.parameter(count - 1)))
        return self._apply(function, node, values)

    def _check_count(self, function: Function, count: int) -> None:
        least = len(function.fixed)
        if function.variadic is None and count != least:
            self._fail(f"wrong number of args for {function.name}: want {least} got {count}")
        if count < least:
            self._fail(
                f"wrong number of args for {function.name}: want at least {least} got {count}"
            )

    def _apply(self, function: Function, node: Node, values: list[Value]) -> Value:
        self._node = node
        try:
            if function.budgeted:
                result = function.call(self._budget, *values)
            else:
                result = function.call(*values)
        except FunctionError as error:
            self._fail(f"error calling {function.name}: {error}")
        except _FAULTS:
            self._fail(f"error calling {function.name}: an argument is out of range")
        self._budget.memory(size_of(result))
        return result

    def _shortcut(self, dot: Value, name: str, args: Sequence[Node], final: Value) -> Value:
        if not args and final is _MISSING:
            self._fail(f"wrong number of args for {name}: want at least 1 got 0")
        value: Value = None
        for arg in args:
            value = self._argument(dot, "value", arg)
            if is_true(value) == (name == "or"):
                return value
        return value if final is _MISSING else final

    def _argument(self, dot: Value, kind: str, node: Node) -> Value:
        self._at(node)
        match node:
            case Literal() if node.value is None:
                if not accepts_nil(kind):
                    self._fail(f"cannot assign nil to {go_type(kind)}")
                return nil_of(kind)
            case Literal() | Number():
                return self._constant(kind, node)
            case Dot():
                return self._valid(dot, kind)
            case Field():
                value = self._fields(dot, node, node.names, (), _MISSING)
            case Variable():
                value = self._fields(self._variable(node), node, node.names[1:], (), _MISSING)
            case Pipe():
                value = self._pipeline(dot, node)
            case Identifier():
                value = self._call(dot, node.name, node, (), _MISSING)
            case Chain():
                receiver = self._chain_receiver(dot, node)
                value = self._fields(receiver, node, node.names, (), _MISSING)
            case _:
                self._fail("this cannot be an argument")
        return self._valid(value, kind)

    def _constant(self, kind: str, node: Literal | Number) -> Value:
        if kind in ("any", "value"):
            return self._number(node) if isinstance(node, Number) else node.value
        if isinstance(node, Number):
            if kind == "float" and node.real is not None:
                return node.real
            if kind == "int" and node.integer is not None and node.integer < 1 << 63:
                return node.integer
            if kind == "uint32" and node.integer is not None and node.integer >= 0:
                return Uint32(node.integer % (1 << 32))
        elif kind in ("string", "algorithm") and isinstance(node.value, bytes):
            return node.value
        elif kind == "bool" and isinstance(node.value, bool):
            return node.value
        expected = {"int": "integer", "uint32": "unsigned integer", "algorithm": "string"}
        self._fail(f"expected {expected.get(kind, go_type(kind))}; found {node.source()}")

    def _valid(self, value: Value, kind: str) -> Value:
        if value is None:
            if not accepts_nil(kind):
                self._fail(f"invalid value; expected {go_type(kind)}")
            return nil_of(kind)
        if not is_assignable(value, kind):
            self._fail(
                f"wrong type for value; expected {go_type(kind)}; got {type_name(value)}"
            )
        return value


class _Count:
    """What `range 3` iterates over, without making a list."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __iter__(self) -> "_Count":
        self._at = -1
        return self

    def __next__(self) -> tuple[Value, Value]:
        self._at += 1
        if self._at >= self._count:
            raise StopIteration
        return None, self._at


def _members(value: Value) -> Mapping[str, Value]:
    """The fields and the methods without arguments of a value."""
    if isinstance(value, Pair):
        return {"Cert": value.cert, "Key": value.key}
    if isinstance(value, Version):
        return {
            "Major": Uint64(value.major), "Minor": Uint64(value.minor),
            "Patch": Uint64(value.patch), "Prerelease": value.prerelease.encode(),
            "Metadata": value.metadata.encode(), "Original": value.original.encode(),
            "String": str(value).encode(),
        }  # fmt: skip
    if isinstance(value, Moment):
        at = value.at
        return {
            "Year": at.year, "Day": at.day, "Hour": at.hour, "Minute": at.minute,
            "Second": at.second, "YearDay": at.timetuple().tm_yday,
            "Nanosecond": at.microsecond * 1000 + value.nanoseconds,
        }  # fmt: skip
    return {}
