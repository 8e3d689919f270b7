"""`dataFrom[].rewrite`: new names for keys, by a regular expression or a template."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from provider.controller.template import Template, compile_template
from provider.controller.template.errors import FunctionError
from provider.controller.template.go_regexp import Before, Pattern
from provider.controller.template.limits import Expired
from provider.controller.template.unicode_text import from_utf8, to_utf8
from provider.errors import InvalidRequest

_T = TypeVar("_T")


def regexp_rewriter(
    source: str,
    target: str,
    used: Callable[[int], None] = lambda _size: None,
    before: Before = lambda _steps: None,
) -> Callable[[str], str]:
    """A function that renames a key as Go's ReplaceAllString does. `$1x` is the group `1x`.

    `used` gets the size of each replacement, in bytes, and `before` the steps that the next search
    takes at worst; both may raise. Raises InvalidRequest if the
    regular expression is malformed.
    """
    try:
        pattern = Pattern(to_utf8(source))
    except FunctionError as error:
        raise InvalidRequest(str(error)) from None
    return lambda key: from_utf8(pattern.replace(to_utf8(key), to_utf8(target), used, before))


def compile_transform(template: str, expired: Expired | None = None) -> Template:
    """The template of a `transform`. A key that does not exist prints `<no value>`.

    Raises TemplateError.
    """
    return compile_template("transform", template, missing_key_fails=False, expired=expired)


def transform_rewriter(
    template: Template, *, expired: Expired | None = None
) -> Callable[[str], str]:
    """A function that renames a key by a template, which sees it as `.value`.

    The function raises TemplateError.
    """
    return lambda key: from_utf8(template.render({"value": to_utf8(key)}, expired=expired))


def rewritten(data: Mapping[str, _T], rename: Callable[[str], str]) -> dict[str, _T]:
    """The data under the new names. Of two keys with one new name the last in order wins."""
    return {rename(key): data[key] for key in sorted(data)}
