"""Go's text/template with the functions of sprig and of External Secrets Operator.

    template = compile_template("config.yaml", "password: {{ .password | quote }}")
    content = template.render({"password": b"..."})

Templates are hostile input: `Limits` bound their time, memory and output. They run on the CPU,
so callers render away from the event loop. No error holds a value of the data.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provider.controller.template.errors import TemplateError
from provider.controller.template.limits import Budget, Expired, Limits
from provider.controller.template.unicode_text import from_utf8, to_utf8
from provider.controller.template.values import Map

if TYPE_CHECKING:
    from provider.controller.template.state import Program

__all__ = ["Limits", "Template", "TemplateError", "compile_template"]

_DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Template:
    """A template that can be rendered any number of times."""

    _program: "Program"
    _limits: Limits

    def render(self, data: Mapping[str, bytes], *, expired: Expired | None = None) -> bytes:
        """The output for the data, which is Go's `map[string]string`.

        `expired` returns whether the time is over; it is called often. Raises TemplateError.
        """
        from provider.controller.template.evaluator import Evaluation  # noqa: PLC0415 - see below

        budget = Budget(self._limits, expired)
        dot = Map({to_utf8(key): value for key, value in data.items()}, "string")
        return Evaluation(self._program, budget).render(dot)


def compile_template(  # noqa: PLR0913 (all by name)
    name: str,
    text: str | bytes,
    *,
    missing_key_fails: bool = True,
    delimiters: tuple[str, str] = ("{{", "}}"),
    limits: Limits = _DEFAULT_LIMITS,
    expired: Expired | None = None,
) -> Template:
    """Parses a template. Errors call it `name`.

    With `missing_key_fails` (Go's `missingkey=error`, as for the templates of an ExternalSecret)
    a field that does not exist is an error; else it prints `<no value>`, as in a rewrite.
    `expired` returns whether the time is over. Raises TemplateError.
    """
    source = from_utf8(text) if isinstance(text, bytes) else text
    if len(source) > limits.text_bytes:
        place = f"{name}:1"
        reason = f"the template exceeds {limits.text_bytes} bytes"
        raise TemplateError(f"template: {place}: {reason}", place=place, fault=reason)
    # These, with cryptography, take 0.15 s of CPU to import: not for a start with no template.
    from provider.controller.template.functions import FUNCTIONS  # noqa: PLC0415
    from provider.controller.template.parser import parse  # noqa: PLC0415
    from provider.controller.template.state import Program  # noqa: PLC0415

    trees = parse(name, source, FUNCTIONS, delimiters, Budget(limits, expired))
    return Template(Program(name, source, trees, FUNCTIONS, missing_key_fails), limits)
