"""Evaluates pipelines: operands, fields, and calls of functions with Go's rules for arguments."""

from collections.abc import Sequence
from typing import Final

from provider.controller.template.errors import FunctionError
from provider.controller.template.members import members
from provider.controller.template.nodes import (
    Chain,
    Command,
    Dot,
    Field,
    Identifier,
    Literal,
    Node,
    Number,
    Pipe,
    Variable,
)
from provider.controller.template.registry import (
    Function,
    accepts_nil,
    go_type,
    is_assignable,
    nil_of,
)
from provider.controller.template.state import State
from provider.controller.template.unicode_text import to_utf8
from provider.controller.template.values import (
    List,
    Map,
    Uint32,
    Value,
    is_true,
    size_of,
    type_name,
)


class _Missing:
    """Marks that a pipeline has no value yet."""


_MISSING: Final = _Missing()
_FAULTS: Final = (ArithmeticError, LookupError, RecursionError, ValueError)


class Pipelines(State):
    """Evaluates pipelines in the state of a rendering."""

    def pipeline(self, dot: Value, pipe: Pipe) -> Value:
        """The value of a pipeline; sets the variables of the pipeline."""
        self.at(pipe)
        self.depth += 1
        self.budget.depth(self.depth)
        value: Value = _MISSING
        for command in pipe.commands:
            value = self._command(dot, command, value)
        self.depth -= 1
        for name in pipe.variables:
            if pipe.assigns:
                self.assign(name, value)
            else:
                self.variables.append((name, value))
        return value

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
                receiver = self.variable(first)
                return self._fields(receiver, first, first.names[1:], args, final)
        self.at(first)
        if args or final is not _MISSING:
            raise self.error(f"can't give argument to non-function {first.source()}")
        return self._operand(dot, first)

    def _operand(self, dot: Value, node: Node) -> Value:
        match node:
            case Pipe():
                return self.pipeline(dot, node)
            case Variable():
                return self.variable(node)
            case Dot():
                return dot
            case Number():
                return self._number(node)
            case Literal() if node.value is not None:
                return node.value
        raise self.error("nil is not a command")

    def _number(self, node: Number) -> Value:
        is_real = any(c in ".eEpP" for c in node.written) and node.written[0] != "'"
        if is_real and not node.written.lower().lstrip("+-").startswith("0x"):
            return node.real
        if is_real and "p" in node.written.lower():
            return node.real
        if node.integer is None or not -(1 << 63) <= node.integer < 1 << 63:
            raise self.error(f"{node.written} overflows int")
        return node.integer

    def _chain_receiver(self, dot: Value, node: Chain) -> Value:
        self.at(node)
        if isinstance(node.of, Literal) and node.of.value is None:
            raise self.error(f"indirection through explicit nil in {node.source()}")
        return self._argument(dot, "any", node.of)

    def _fields(
        self,
        receiver: Value,
        node: Node,
        names: Sequence[str],
        args: Sequence[Node],
        final: Value,
    ) -> Value:
        self.at(node)
        for index, name in enumerate(names):
            has_args = index == len(names) - 1 and bool(args or final is not _MISSING)
            receiver = self._field(receiver, name, has_args)
        return receiver

    def _field(self, receiver: Value, name: str, has_args: bool) -> Value:
        if receiver is None:
            if self.program.missing_key_fails:
                raise self.error(f'nil data; no entry for key "{name}"')
            return None
        if isinstance(receiver, Map):
            if has_args:
                raise self.error(f"{name} is not a method but has arguments")
            key = to_utf8(name)
            if key not in receiver.items and self.program.missing_key_fails:
                raise self.error(f'map has no entry for key "{name}"')
            return receiver.items.get(key)
        found = members(receiver)
        if name not in found:
            raise self.error(f"can't evaluate field {name} in type {type_name(receiver)}")
        if has_args:
            raise self.error(f"{name} has arguments but takes none")
        return found[name]

    def _call(self, dot: Value, name: str, node: Node, args: Sequence[Node], final: Value) -> Value:
        self.at(node)
        function = self.program.functions[name]
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
            raise self.error(f"wrong number of args for {function.name}: want {least} got {count}")
        if count < least:
            raise self.error(
                f"wrong number of args for {function.name}: want at least {least} got {count}"
            )

    def _apply(self, function: Function, node: Node, values: list[Value]) -> Value:
        self.node = node
        self.budget.step(sum(map(_work, values)))
        try:
            if function.budgeted:
                result = function.call(self.budget, *values)
            else:
                result = function.call(*values)
        except FunctionError as error:
            reason = self._shown(function.name, str(error))
            raise self.error(f"error calling {function.name}: {reason}") from None
        except _FAULTS:
            reason = f"error calling {function.name}: an argument is out of range"
            raise self.error(reason) from None
        self.budget.memory(size_of(result))
        if isinstance(result, bytes):
            self.budget.text(len(result))
        return result

    def _shown(self, name: str, message: str) -> str:
        """The message of a function; that of `fail` only if it is literal text of the template."""
        if name == "fail" and message not in self.program.text:
            return "its message is not shown, for it is no constant of the template"
        return message

    def _shortcut(self, dot: Value, name: str, args: Sequence[Node], final: Value) -> Value:
        if not args and final is _MISSING:
            raise self.error(f"wrong number of args for {name}: want at least 1 got 0")
        value: Value = None
        for arg in args:
            value = self._argument(dot, "value", arg)
            if is_true(value) == (name == "or"):
                return value
        return value if final is _MISSING else final

    def _argument(self, dot: Value, kind: str, node: Node) -> Value:
        self.at(node)
        match node:
            case Literal() if node.value is None:
                if not accepts_nil(kind):
                    raise self.error(f"cannot assign nil to {go_type(kind)}")
                return nil_of(kind)
            case Literal() | Number():
                return self._constant(kind, node)
            case Dot():
                return self._valid(dot, kind)
            case Field():
                value = self._fields(dot, node, node.names, (), _MISSING)
            case Variable():
                value = self._fields(self.variable(node), node, node.names[1:], (), _MISSING)
            case Pipe():
                value = self.pipeline(dot, node)
            case Identifier():
                value = self._call(dot, node.name, node, (), _MISSING)
            case Chain():
                receiver = self._chain_receiver(dot, node)
                value = self._fields(receiver, node, node.names, (), _MISSING)
            case _:
                raise self.error("this cannot be an argument")
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
        elif (kind in ("string", "algorithm") and isinstance(node.value, bytes)) or (
            kind == "bool" and isinstance(node.value, bool)
        ):
            return node.value
        expected = {"int": "integer", "uint32": "unsigned integer", "algorithm": "string"}
        raise self.error(f"expected {expected.get(kind, go_type(kind))}; found {node.source()}")

    def _valid(self, value: Value, kind: str) -> Value:
        if value is None:
            if not accepts_nil(kind):
                raise self.error(f"invalid value; expected {go_type(kind)}")
            return nil_of(kind)
        if not is_assignable(value, kind):
            raise self.error(
                f"wrong type for value; expected {go_type(kind)}; got {type_name(value)}"
            )
        return value


def _work(value: Value) -> int:
    """The steps that a function may take for an argument."""
    if isinstance(value, bytes):
        return len(value) >> 4
    return len(value.items) >> 6 if isinstance(value, List | Map) else 0
