"""Parses a template into nodes, as text/template/parse does."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from provider.controller.template.errors import FunctionError, TemplateError
from provider.controller.template.lexer import Kind, Lexer, Token
from provider.controller.template.nodes import (
    Action,
    Branch,
    Call,
    Chain,
    Command,
    Dot,
    End,
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
from provider.controller.template.numbers import parse_float, parse_int, parse_uint
from provider.controller.template.unicode_text import loose, tight, unquote, unquote_char

_OPERANDS: Final[frozenset[Kind]] = frozenset({
    "bool", "char constant", "complex", ".", "field", "identifier", "number", "nil",
    "raw string", "string", "variable", "(",
})  # fmt: skip


@dataclass(slots=True)
class Scope:
    """One template being parsed: its variables, and how many `range` it is inside of."""

    variables: list[str]
    ranges: int = 0


def parse(
    name: str, text: str, functions: Collection[str], delimiters: tuple[str, str], depth: int
) -> Mapping[str, list[Node]]:
    """The template and those that it defines, by name.

    `functions` are the names that are defined. `depth` limits the nesting of blocks and
    parentheses. Raises TemplateError.
    """
    return _Parser(name, text, functions, delimiters, depth).parse()


class _Parser:
    def __init__(
        self,
        name: str,
        text: str,
        functions: Collection[str],
        delimiters: tuple[str, str],
        depth: int,
    ) -> None:
        self._name = name
        self._functions = functions
        self._tokens: Iterator[Token] = iter(Lexer(text, *delimiters))
        self._ahead: list[Token] = []
        self._line = 1
        self._scope = Scope(["$"])
        self._depth = depth
        self._trees: dict[str, list[Node]] = {}

    # --- tokens ---

    def _next(self) -> Token:
        if self._ahead:
            return self._ahead.pop()
        token = next(self._tokens)
        self._line = token.line
        return token

    def _back(self, *tokens: Token) -> None:
        self._ahead.extend(reversed(tokens))

    def _peek(self) -> Token:
        token = self._next()
        self._back(token)
        return token

    def _next_part(self) -> Token:
        token = self._next()
        while token.kind == "space":
            token = self._next()
        return token

    def _peek_part(self) -> Token:
        token = self._next_part()
        self._back(token)
        return token

    def _expect(self, kinds: tuple[Kind, ...], context: str) -> Token:
        token = self._next_part()
        if token.kind not in kinds:
            raise self._unexpected(token, context)
        return token

    def _error(self, reason: str) -> TemplateError:
        place = f"{self._name}:{self._line}"
        return TemplateError(f"template: {place}: {reason}", place=place, fault=reason)

    def _unexpected(self, token: Token, context: str) -> TemplateError:
        if token.kind == "error":
            return self._error(token.text)
        return self._error(f"unexpected {token} in {context}")

    def _nested(self) -> None:
        self._depth -= 1
        if self._depth < 0:
            raise self._error("blocks and parentheses are nested too deeply")

    # --- blocks ---

    def parse(self) -> Mapping[str, list[Node]]:
        root: list[Node] = []
        while self._peek().kind != "eof":
            if self._peek().kind == "{{":
                delimiter = self._next()
                part = self._next_part()
                if part.kind == "define":
                    self._definition()
                    continue
                self._back(delimiter, part)
            node = self._text_or_action()
            if isinstance(node, End):
                raise self._error(f"unexpected {node.source()}")
            root.append(node)
        self._add(self._name, root)
        return self._trees

    def _add(self, name: str, nodes: list[Node]) -> None:
        present = self._trees.get(name)
        if present is None or _is_blank(present):
            self._trees[name] = nodes
        elif not _is_blank(nodes):
            raise self._error(f'template: multiple definition of template "{name}"')

    def _definition(self) -> None:
        context = "define clause"
        name = self._unquoted(self._expect(("string", "raw string"), context))
        self._expect(("}}",), context)
        self._add(name, self._own_scope(context))

    def _own_scope(self, context: str) -> list[Node]:
        scope, self._scope = self._scope, Scope(["$"])
        self._nested()
        nodes, end = self._list()
        self._depth += 1
        self._scope = scope
        if end.word != "end":
            raise self._error(f"unexpected {end.source()} in {context}")
        return nodes

    def _list(self) -> tuple[list[Node], End]:
        nodes: list[Node] = []
        while self._peek_part().kind != "eof":
            node = self._text_or_action()
            if isinstance(node, End):
                return nodes, node
            nodes.append(node)
        raise self._error("unexpected EOF")

    def _text_or_action(self) -> Node:
        token = self._next_part()
        if token.kind == "text":
            return Text(token.position, tight(token.text))
        if token.kind == "{{":
            return self._action()
        raise self._unexpected(token, "input")

    def _action(self) -> Node:
        token = self._next_part()
        match token.kind:
            case "if" | "with" | "range":
                return self._branch(token)
            case "break" | "continue":
                return self._jump(token)
            case "end":
                self._expect(("}}",), "end")
                return End(token.position, "end")
            case "else":
                if self._peek_part().kind not in ("if", "with"):
                    self._expect(("}}",), "else")
                return End(token.position, "else")
            case "template":
                return self._call()
            case "block":
                return self._block()
        self._back(token)
        return Action(token.position, self._pipeline("command", "}}"))

    def _jump(self, token: Token) -> Node:
        word = "{{" + token.text + "}}"
        self._expect(("}}",), word)
        if not self._scope.ranges:
            raise self._error(f"{word} outside {{{{range}}}}")
        return Jump(token.position, token.text)

    def _branch(self, token: Token) -> Branch:
        known = len(self._scope.variables)
        word = token.text
        pipe = self._pipeline(word, "}}")
        self._scope.ranges += word == "range"
        self._nested()
        body, end = self._list()
        self._scope.ranges -= word == "range"
        otherwise = self._otherwise(word) if end.word == "else" else None
        self._depth += 1
        del self._scope.variables[known:]
        return Branch(pipe.position, word, pipe, body, otherwise)

    def _otherwise(self, word: str) -> list[Node]:
        following = self._peek()
        if following.kind == "space":
            following = self._peek_part()
        if word in ("if", "with") and following.kind == word:
            return [self._branch(self._next_part())]
        nodes, end = self._list()
        if end.word != "end":
            raise self._error(f"expected end; found {end.source()}")
        return nodes

    def _call(self) -> Call:
        token = self._next_part()
        name = self._template_name(token, "template clause")
        following = self._next_part()
        if following.kind == "}}":
            return Call(token.position, name, None)
        self._back(following)
        return Call(token.position, name, self._pipeline("template clause", "}}"))

    def _block(self) -> Call:
        context = "block clause"
        token = self._next_part()
        name = self._template_name(token, context)
        pipe = self._pipeline(context, "}}")
        self._add(name, self._own_scope(context))
        return Call(token.position, name, pipe)

    def _template_name(self, token: Token, context: str) -> str:
        if token.kind not in ("string", "raw string"):
            raise self._unexpected(token, context)
        return self._unquoted(token)

    def _unquoted(self, token: Token) -> str:
        try:
            return loose(unquote(token.text))
        except FunctionError as error:
            raise self._error(str(error)) from None

    # --- pipelines ---

    def _pipeline(self, context: str, end: Kind) -> Pipe:
        position = self._peek_part().position
        variables, assigns = self._declarations(context)
        commands: list[Command] = []
        while True:
            token = self._next_part()
            if token.kind == end:
                break
            if token.kind not in _OPERANDS:
                raise self._unexpected(token, context)
            self._back(token)
            commands.append(self._command())
        self._check(commands, context)
        return Pipe(position, tuple(commands), tuple(variables), assigns)

    def _declarations(self, context: str) -> tuple[list[str], bool]:
        names: list[str] = []
        while (token := self._peek_part()).kind == "variable":
            self._next_part()
            space = self._peek()
            following = self._peek_part()
            if following.kind in ("=", ":="):
                self._next_part()
                names.append(token.text)
                self._scope.variables.append(token.text)
                return names, following.kind == "="
            if following.kind != "char" or following.text != ",":
                self._back(*((token, space) if space.kind == "space" else (token,)))
                return names, False
            self._next_part()
            names.append(token.text)
            self._scope.variables.append(token.text)
            if context != "range" or len(names) == 2:
                raise self._error(f"too many declarations in {context}")
            if self._peek_part().kind not in ("variable", "}}", ")"):
                raise self._error("range can only initialize variables")
        return names, False

    def _check(self, commands: list[Command], context: str) -> None:
        if not commands:
            raise self._error(f"missing value for {context}")
        for stage, command in enumerate(commands[1:], 2):
            if isinstance(command.args[0], Literal | Number | Dot):
                raise self._error(f"non executable command in pipeline stage {stage}")

    def _command(self) -> Command:
        position = self._peek_part().position
        args: list[Node] = []
        while True:
            self._peek_part()
            operand = self._operand()
            if operand is not None:
                args.append(operand)
            token = self._next()
            if token.kind == "space":
                continue
            if token.kind in ("}}", ")"):
                self._back(token)
            elif token.kind != "|":
                raise self._unexpected(token, "operand")
            break
        if not args:
            raise self._error("empty command")
        return Command(position, tuple(args))

    def _operand(self) -> Node | None:
        node = self._term()
        if node is None or self._peek().kind != "field":
            return node
        position = self._peek().position
        names: list[str] = []
        while self._peek().kind == "field":
            names.append(self._next().text[1:])
        if isinstance(node, Field):
            return Field(position, (*node.names, *names))
        if isinstance(node, Variable):
            return Variable(position, (*node.names, *names))
        if isinstance(node, Literal | Number | Dot):
            raise self._error("unexpected . after a constant")
        return Chain(position, node, tuple(names))

    def _term(self) -> Node | None:
        token = self._next_part()
        match token.kind:
            case "identifier":
                if token.text not in self._functions:
                    raise self._error(f'function "{token.text}" not defined')
                return Identifier(token.position, token.text)
            case ".":
                return Dot(token.position)
            case "variable":
                if token.text not in self._scope.variables:
                    raise self._error(f'undefined variable "{token.text}"')
                return Variable(token.position, (token.text,))
            case "field":
                return Field(token.position, (token.text[1:],))
            case "(":
                self._nested()
                pipe = self._pipeline("parenthesized pipeline", ")")
                self._depth += 1
                return pipe
        return self._constant(token)

    def _constant(self, token: Token) -> Node | None:
        match token.kind:
            case "nil":
                return Literal(token.position, None, "nil")
            case "bool":
                return Literal(token.position, token.text == "true", token.text)
            case "string" | "raw string":
                value = tight(self._unquoted(token))
                return Literal(token.position, value, token.text)
            case "number" | "char constant":
                return self._number(token)
            case "complex":
                raise self._error("complex numbers are not supported")
        self._back(token)
        return None

    def _number(self, token: Token) -> Number:
        text = token.text
        if token.kind == "char constant":
            try:
                char, end = unquote_char(text, 1, "'")
            except FunctionError as error:
                raise self._error(str(error)) from None
            if end != len(text) - 1:
                raise self._error("malformed character constant")
            code = _code_of(char, text)
            return Number(token.position, code, float(code), text)
        if text.endswith("i"):
            raise self._error("complex numbers are not supported")
        integer = parse_int(text, 0)
        integer = parse_uint(text, 0) if integer is None else integer
        if integer is not None:
            return Number(token.position, integer, float(integer), text)
        real = parse_float(text)
        if real is None:
            raise self._error("illegal number syntax")
        if not any(char in ".eEpP" for char in text):
            raise self._error("integer overflow")
        whole = int(real) if abs(real) < 1 << 63 and real.is_integer() else None
        return Number(token.position, whole, real, text)


def _code_of(char: bytes, text: str) -> int:
    if len(char) == 1:
        return char[0]
    try:
        return ord(char.decode())
    except UnicodeDecodeError:
        return ord(text[1])


def _is_blank(nodes: list[Node]) -> bool:
    return all(isinstance(node, Text) and not node.data.strip() for node in nodes)
