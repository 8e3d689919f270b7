"""Parses a template into nodes, as text/template/parse does."""

from collections.abc import Collection, Mapping

from provider.controller.template.lexer import Token
from provider.controller.template.limits import Budget
from provider.controller.template.nodes import Action, Branch, Call, End, Jump, Node, Text
from provider.controller.template.pipeline_parser import PipelineParser
from provider.controller.template.token_stream import Scope
from provider.controller.template.unicode_text import to_utf8


def parse(
    name: str, text: str, functions: Collection[str], delimiters: tuple[str, str], budget: Budget
) -> Mapping[str, list[Node]]:
    """The template and those that it defines, by name.

    `functions` are the names that are defined. Of `budget` only the time and the limits count.
    Raises TemplateError.
    """
    return _Parser(name, text, functions, delimiters, budget).parse()


class _Parser(PipelineParser):
    def __init__(
        self,
        name: str,
        text: str,
        functions: Collection[str],
        delimiters: tuple[str, str],
        budget: Budget,
    ) -> None:
        super().__init__(name, text, functions, delimiters, budget)
        self._trees: dict[str, list[Node]] = {}

    def parse(self) -> Mapping[str, list[Node]]:
        root: list[Node] = []
        while self.peek().kind != "eof":
            if self.peek().kind == "{{":
                delimiter = self.next()
                part = self.next_part()
                if part.kind == "define":
                    self._definition()
                    continue
                self.back(delimiter, part)
            node = self._text_or_action()
            if isinstance(node, End):
                raise self.error(f"unexpected {node.source()}")
            root.append(node)
        self._add(self.name, root)
        return self._trees

    def _add(self, name: str, nodes: list[Node]) -> None:
        present = self._trees.get(name)
        if present is None or _is_blank(present):
            self._trees[name] = nodes
        elif not _is_blank(nodes):
            raise self.error(f'template: multiple definition of template "{name}"')

    def _definition(self) -> None:
        context = "define clause"
        name = self.unquoted(self.expect(("string", "raw string"), context))
        self.expect(("}}",), context)
        self._add(name, self._own_scope(context))

    def _own_scope(self, context: str) -> list[Node]:
        scope, self.scope = self.scope, Scope(["$"])
        self.nested()
        nodes, end = self._list()
        self.depth += 1
        self.scope = scope
        if end.word != "end":
            raise self.error(f"unexpected {end.source()} in {context}")
        return nodes

    def _list(self) -> tuple[list[Node], End]:
        nodes: list[Node] = []
        while self.peek_part().kind != "eof":
            node = self._text_or_action()
            if isinstance(node, End):
                return nodes, node
            nodes.append(node)
        raise self.error("unexpected EOF")

    def _text_or_action(self) -> Node:
        token = self.next_part()
        if token.kind == "text":
            return Text(token.position, to_utf8(token.text))
        if token.kind == "{{":
            return self._action()
        raise self.unexpected(token, "input")

    def _action(self) -> Node:  # noqa: PLR0911 - one line a kind
        token = self.next_part()
        match token.kind:
            case "if" | "with" | "range":
                return self._branch(token)
            case "break" | "continue":
                return self._jump(token)
            case "end":
                self.expect(("}}",), "end")
                return End(token.position, "end")
            case "else":
                if self.peek_part().kind not in ("if", "with"):
                    self.expect(("}}",), "else")
                return End(token.position, "else")
            case "template":
                return self._call()
            case "block":
                return self._block()
        self.back(token)
        return Action(token.position, self.pipeline("command", "}}"))

    def _jump(self, token: Token) -> Node:
        word = "{{" + token.text + "}}"
        self.expect(("}}",), word)
        if not self.scope.ranges:
            raise self.error(f"{word} outside {{{{range}}}}")
        return Jump(token.position, token.text)

    def _branch(self, token: Token) -> Branch:
        known = len(self.scope.variables)
        word = token.text
        pipe = self.pipeline(word, "}}")
        self.scope.ranges += word == "range"
        self.nested()
        body, end = self._list()
        self.scope.ranges -= word == "range"
        otherwise = self._otherwise(word) if end.word == "else" else None
        self.depth += 1
        del self.scope.variables[known:]
        return Branch(pipe.position, word, pipe, body, otherwise)

    def _otherwise(self, word: str) -> list[Node]:
        following = self.peek()
        if following.kind == "space":
            following = self.peek_part()
        if word in ("if", "with") and following.kind == word:
            return [self._branch(self.next_part())]
        nodes, end = self._list()
        if end.word != "end":
            raise self.error(f"expected end; found {end.source()}")
        return nodes

    def _call(self) -> Call:
        token = self.next_part()
        name = self._template_name(token, "template clause")
        following = self.next_part()
        if following.kind == "}}":
            return Call(token.position, name, None)
        self.back(following)
        return Call(token.position, name, self.pipeline("template clause", "}}"))

    def _block(self) -> Call:
        context = "block clause"
        token = self.next_part()
        name = self._template_name(token, context)
        pipe = self.pipeline(context, "}}")
        self._add(name, self._own_scope(context))
        return Call(token.position, name, pipe)

    def _template_name(self, token: Token, context: str) -> str:
        if token.kind not in ("string", "raw string"):
            raise self.unexpected(token, context)
        return self.unquoted(token)


def _is_blank(nodes: list[Node]) -> bool:
    return all(isinstance(node, Text) and not node.data.strip() for node in nodes)
