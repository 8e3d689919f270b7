"""The errors of templates. None of their texts holds a value of the template's data."""

from provider.errors import InvalidRequest


class FunctionError(Exception):
    """A function cannot be applied to its arguments. The message holds no value.

    Raised by functions only; the evaluator adds the place and raises `TemplateError`.
    """


class LimitExceeded(Exception):
    """A template uses more steps, memory, output or time than its limits allow.

    Raised by `Budget` only; the evaluator adds the place and raises `TemplateError`.
    """


class TemplateError(InvalidRequest):
    """A template cannot be parsed or rendered. The message says where and why.

    The message quotes the failing part of the template, as Go does. `without_source` is for
    templates whose own text is a secret.
    """

    def __init__(self, message: str, *, place: str = "", fault: str = "") -> None:
        super().__init__(message)
        self.place = place
        self.fault = fault

    def without_source(self) -> "TemplateError":
        """This error without any text of the template: only the place."""
        return TemplateError(f"template: {self.place}: failed; its text is not shown here")
