"""The functions of text/template itself: comparisons, printing, escaping, index, len."""

from urllib.parse import quote_plus

from provider.controller.template.errors import FunctionError
from provider.controller.template.limits import Budget
from provider.controller.template.printf import go_printf
from provider.controller.template.printing import go_print, go_println
from provider.controller.template.registry import Functions
from provider.controller.template.unicode_text import from_utf8, is_printable, to_utf8
from provider.controller.template.values import (
    List,
    Map,
    Moment,
    Pair,
    Uint8,
    Value,
    is_true,
    kind_name,
    type_name,
    zero_of,
)

TABLE = Functions()
add = TABLE.add


@add("and or", "value value...")
def _shortcut(first: Value, *_rest: Value) -> Value:
    return first  # the evaluator does these two, for they do not evaluate all arguments


@add("not", "value")
def _not(value: Value) -> bool:
    return not is_true(value)


@add("call", "value value...")
def _call(function: Value, *_args: Value) -> Value:
    if function is None:
        raise FunctionError("call of nil")
    raise FunctionError(f"non-function of type {type_name(function)}")


add("print", "any...", budget=True)(lambda budget, *args: go_print(args, budget))
add("println", "any...", budget=True)(lambda budget, *args: go_println(args, budget))


@add("printf", "string any...", budget=True)
def _printf(budget: Budget, template: bytes, *args: Value) -> bytes:
    return go_printf(template, args, budget)


def _text(args: tuple[Value, ...], budget: Budget) -> bytes:
    if len(args) == 1 and isinstance(args[0], bytes):
        return args[0]
    return go_print([b"<no value>" if arg is None else arg for arg in args], budget)


_HTML = {
    b"\0": "\ufffd".encode(), b'"': b"&#34;", b"'": b"&#39;", b"<": b"&lt;", b">": b"&gt;",
}  # fmt: skip


@add("html", "any...", budget=True)
def _html(budget: Budget, *args: Value) -> bytes:
    text = _text(args, budget).replace(b"&", b"&amp;")
    for char, escaped in _HTML.items():
        text = text.replace(char, escaped)
    return text


_JS = {
    "\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026",
    "=": "\\u003D",
}  # fmt: skip


@add("js", "any...", budget=True)
def _js(budget: Budget, *args: Value) -> bytes:
    text = from_utf8(_text(args, budget))
    budget.step(len(text) >> 1)
    return to_utf8("".join(map(_js_char, text)))


def _js_char(char: str) -> str:
    if char in _JS:
        return _JS[char]
    if char < " ":
        return f"\\u{ord(char):04X}"
    if char < "\x80" or is_printable(char):
        return char
    is_invalid = 0xDC80 <= ord(char) <= 0xDCFF  # Go takes it for U+FFFD, which is printable
    return char if is_invalid else f"\\u{ord(char):04X}"


@add("urlquery", "any...", budget=True)
def _urlquery(budget: Budget, *args: Value) -> bytes:
    return quote_plus(_text(args, budget), safe="~").encode()


@add("len", "value")
def _len(value: Value) -> int:
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, List | Map):
        return len(value.items)
    raise FunctionError(f"len of type {type_name(value)}")


@add("index", "value value...")
def _index(item: Value, *indexes: Value) -> Value:
    if item is None:
        raise FunctionError("index of untyped nil")
    for index in indexes:
        item = _element(item, index)
    return item


def _element(item: Value, index: Value) -> Value:
    if isinstance(item, Map):
        if not isinstance(index, bytes):
            raise FunctionError(f"value has type {type_name(index)}; should be string")
        return item.items.get(index, zero_of(item.elem))
    if item is None:
        raise FunctionError("index of nil pointer")
    if not isinstance(item, bytes | List):
        raise FunctionError(f"can't index item of type {type_name(item)}")
    if isinstance(index, bool) or not isinstance(index, int):
        raise FunctionError(f"cannot index slice/array with type {type_name(index)}")
    length = len(item) if isinstance(item, bytes) else len(item.items)
    if not 0 <= index < length:
        raise FunctionError(f"index out of range: {int(index)}")
    return Uint8(item[index]) if isinstance(item, bytes) else item.items[index]


def _basic(value: Value) -> str:
    """The kind of a comparable value; empty for the others."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    return "string" if isinstance(value, bytes) else ""


def _incompatible(left: Value, right: Value) -> FunctionError:
    types = f"{type_name(left)} and {type_name(right)}"
    return FunctionError(f"incompatible types for comparison: {types}")


@add("eq", "value value...")
def _eq(first: Value, *others: Value) -> bool:
    if not others:
        raise FunctionError("missing argument for comparison")
    return any(_equal(first, other) for other in others)


def _equal(left: Value, right: Value) -> bool:
    kind = _basic(left)
    if kind != _basic(right):
        if left is None or right is None:
            return False
        raise _incompatible(left, right)
    if kind:
        return left == right
    if left is None or right is None:
        other = right if left is None else left
        return other is None or (isinstance(other, List) and other.nil)
    if kind_name(left) != kind_name(right):
        raise FunctionError("non-comparable types")
    if isinstance(left, List | Map):
        if isinstance(left, List) and isinstance(right, List) and (left.nil or right.nil):
            return left.nil == right.nil
        raise FunctionError(f"non-comparable type {type_name(left)}")
    if isinstance(left, Moment | Pair):
        return left == right
    return left is right


@add("ne", "value value")
def _ne(left: Value, right: Value) -> bool:
    return not _equal(left, right)


def _less(left: Value, right: Value) -> bool:
    kinds = _basic(left), _basic(right)
    if "" in kinds:
        raise FunctionError("invalid type for comparison")
    if kinds[0] != kinds[1]:
        raise _incompatible(left, right)
    if isinstance(left, bytes) and isinstance(right, bytes):
        return left < right
    if isinstance(left, bool) or not isinstance(left, int | float):
        raise FunctionError("invalid type for comparison")
    return isinstance(right, int | float) and left < right


add("lt", "value value")(_less)
add("le", "value value")(lambda left, right: _less(left, right) or _equal(left, right))
add("gt", "value value")(lambda left, right: not (_less(left, right) or _equal(left, right)))
add("ge", "value value")(lambda left, right: not _less(left, right))
