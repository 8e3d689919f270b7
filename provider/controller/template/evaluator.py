"""Renders a parsed template, as text/template executes one."""

from collections.abc import Iterable, Sequence
from itertools import repeat

from provider.controller.template.errors import LimitExceeded
from provider.controller.template.limits import Budget
from provider.controller.template.nodes import Action, Branch, Call, Jump, Node, Pipe, Text
from provider.controller.template.pipelines import Pipelines
from provider.controller.template.printing import to_text
from provider.controller.template.state import Program
from provider.controller.template.values import List, Map, Value, is_true, type_name


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class Evaluation(Pipelines):
    """One rendering of a program."""

    def __init__(self, program: Program, budget: Budget) -> None:
        super().__init__(program, budget)
        self._output: list[bytes] = []

    def render(self, data: Value) -> bytes:
        """The output. Raises TemplateError."""
        self.variables = [("$", data)]
        try:
            self._walk(data, self.program.trees[self.program.name])
        except LimitExceeded as error:
            raise self.error(str(error)) from None
        except RecursionError:
            raise self.error("nested too deeply") from None
        return b"".join(self._output)

    def _walk(self, dot: Value, nodes: Sequence[Node]) -> None:
        self.depth += 1
        self.budget.depth(self.depth)
        for node in nodes:
            self.at(node)
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
        self.depth -= 1

    def _write(self, data: bytes) -> None:
        self.budget.output(len(data))
        self._output.append(data)

    def _action(self, dot: Value, node: Action) -> None:
        value = self.pipeline(dot, node.pipe)
        if not node.pipe.variables:
            self.at(node)
            printed = b"<no value>" if value is None else to_text(value, self.budget)
            self._write(printed)

    def _branch(self, dot: Value, node: Branch) -> None:
        known = len(self.variables)
        if node.word == "range":
            self._range(dot, node)
        else:
            value = self.pipeline(dot, node.pipe)
            if is_true(value):
                self._walk(value if node.word == "with" else dot, node.body)
            elif node.otherwise is not None:
                self._walk(dot, node.otherwise)
        del self.variables[known:]

    def _range(self, dot: Value, node: Branch) -> None:
        pairs = self._pairs(self.pipeline(dot, node.pipe), len(node.pipe.variables))
        declared = len(self.variables)
        depth = self.depth
        ran = False
        for key, value in pairs:
            ran = True
            self.at(node)
            self._bind(node.pipe, key, value, declared)
            try:
                self._walk(value, node.body)
            except _Continue:
                self.depth = depth
            except _Break:
                self.depth = depth
                break
            del self.variables[declared:]
        if not ran and node.otherwise is not None:
            del self.variables[declared:]
            self._walk(dot, node.otherwise)

    def _pairs(self, value: Value, variables: int) -> Iterable[tuple[Value, Value]]:
        if isinstance(value, List):
            return list(enumerate(value.items))
        if isinstance(value, Map):
            return sorted(value.items.items())
        if value is None:
            return []
        if isinstance(value, int) and not isinstance(value, bool):
            if variables > 1:
                raise self.error("can't use an integer to iterate over more than one variable")
            return zip(repeat(None), range(value), strict=False)
        raise self.error(f"range can't iterate over type {type_name(value)}")

    def _bind(self, pipe: Pipe, key: Value, value: Value, top: int) -> None:
        names = pipe.variables
        values = [key, value] if len(names) > 1 else [value]
        for offset, (name, bound) in enumerate(zip(names, values, strict=False)):
            if pipe.assigns:
                self.assign(name, bound)
            else:
                self.variables[top - len(names) + offset] = (name, bound)

    def _call_template(self, dot: Value, node: Call) -> None:
        tree = self.program.trees.get(node.name)
        if tree is None:
            raise self.error(f'template "{node.name}" not defined')
        value = self.pipeline(dot, node.pipe) if node.pipe else None
        variables, template = self.variables, self.template
        self.variables, self.template = [("$", value)], node.name
        self._walk(value, tree)
        self.variables, self.template = variables, template
