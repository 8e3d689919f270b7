"""Parses pipelines: commands, operands and constants."""

from typing import Final

from provider.controller.template.errors import FunctionError
from provider.controller.template.lexer import Kind, Token
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
from provider.controller.template.numbers import parse_float, parse_int, parse_uint
from provider.controller.template.token_stream import TokenStream
from provider.controller.template.unicode_text import to_utf8, unquote_char

_OPERANDS: Final[frozenset[Kind]] = frozenset({
    "bool", "char constant", "complex", ".", "field", "identifier", "number", "nil",
    "raw string", "string", "variable", "(",
})  # fmt: skip


class PipelineParser(TokenStream):
    """Parses pipelines from a stream of tokens."""

    def pipeline(self, context: str, end: Kind) -> Pipe:
        """The pipeline up to a token of the kind `end`."""
        position = self.peek_part().position
        variables, assigns = self._declarations(context)
        commands: list[Command] = []
        while True:
            token = self.next_part()
            if token.kind == end:
                break
            if token.kind not in _OPERANDS:
                raise self.unexpected(token, context)
            self.back(token)
            commands.append(self._command())
        self._check(commands, context)
        return Pipe(position, tuple(commands), tuple(variables), assigns)

    def _declarations(self, context: str) -> tuple[list[str], bool]:
        names: list[str] = []
        while (token := self.peek_part()).kind == "variable":
            self.next_part()
            space = self.peek()
            following = self.peek_part()
            if following.kind in ("=", ":="):
                self.next_part()
                names.append(token.text)
                self.declare(token.text)
                return names, following.kind == "="
            if following.kind != "char" or following.text != ",":
                self.back(*((token, space) if space.kind == "space" else (token,)))
                return names, False
            self.next_part()
            names.append(token.text)
            self.declare(token.text)
            if context != "range" or len(names) == 2:
                raise self.error(f"too many declarations in {context}")
            if self.peek_part().kind not in ("variable", "}}", ")"):
                raise self.error("range can only initialize variables")
        return names, False

    def _check(self, commands: list[Command], context: str) -> None:
        if not commands:
            raise self.error(f"missing value for {context}")
        for stage, command in enumerate(commands[1:], 2):
            if isinstance(command.args[0], Literal | Number | Dot):
                raise self.error(f"non executable command in pipeline stage {stage}")

    def _command(self) -> Command:
        position = self.peek_part().position
        args: list[Node] = []
        while True:
            self.peek_part()
            operand = self._operand()
            if operand is not None:
                args.append(operand)
            token = self.next()
            if token.kind == "space":
                continue
            if token.kind in ("}}", ")"):
                self.back(token)
            elif token.kind != "|":
                raise self.unexpected(token, "operand")
            break
        if not args:
            raise self.error("empty command")
        return Command(position, tuple(args))

    def _operand(self) -> Node | None:
        node = self._term()
        if node is None or self.peek().kind != "field":
            return node
        position = self.peek().position
        names: list[str] = []
        while self.peek().kind == "field":
            names.append(self.next().text[1:])
        if isinstance(node, Field):
            return Field(position, (*node.names, *names))
        if isinstance(node, Variable):
            return Variable(position, (*node.names, *names))
        if isinstance(node, Literal | Number | Dot):
            raise self.error("unexpected . after a constant")
        return Chain(position, node, tuple(names))

    def _term(self) -> Node | None:
        token = self.next_part()
        match token.kind:
            case "identifier":
                if token.text not in self.functions:
                    raise self.error(f'function "{token.text}" not defined')
                return Identifier(token.position, token.text)
            case ".":
                return Dot(token.position)
            case "variable":
                if token.text not in self.scope.variables:
                    raise self.error(f'undefined variable "{token.text}"')
                return Variable(token.position, (token.text,))
            case "field":
                return Field(token.position, (token.text[1:],))
            case "(":
                self.nested()
                pipe = self.pipeline("parenthesized pipeline", ")")
                self.depth += 1
                return pipe
        return self._constant(token)

    def _constant(self, token: Token) -> Node | None:
        match token.kind:
            case "nil":
                return Literal(token.position, None, "nil")
            case "bool":
                return Literal(token.position, token.text == "true", token.text)
            case "string" | "raw string":
                value = to_utf8(self.unquoted(token))
                return Literal(token.position, value, token.text)
            case "number" | "char constant":
                return self._number(token)
            case "complex":
                raise self.error("complex numbers are not supported")
        self.back(token)
        return None

    def _number(self, token: Token) -> Number:
        text = token.text
        if token.kind == "char constant":
            try:
                char, end = unquote_char(text, 1, "'")
            except FunctionError as error:
                raise self.error(str(error)) from None
            if end != len(text) - 1:
                raise self.error("malformed character constant")
            code = _code_of(char, text)
            return Number(token.position, code, float(code), text)
        if text.endswith("i"):
            raise self.error("complex numbers are not supported")
        integer = parse_int(text, 0)
        integer = parse_uint(text, 0) if integer is None else integer
        if integer is not None:
            return Number(token.position, integer, float(integer), text)
        real = parse_float(text)
        if real is None:
            raise self.error("illegal number syntax")
        if not any(char in ".eEpP" for char in text):
            raise self.error("integer overflow")
        whole = int(real) if abs(real) < 1 << 63 and real.is_integer() else None
        return Number(token.position, whole, real, text)


def _code_of(char: bytes, text: str) -> int:
    if len(char) == 1:
        return char[0]
    try:
        return ord(char.decode())
    except UnicodeDecodeError:
        return ord(text[1])
