"""sprig's functions on strings. Lengths and positions are bytes, as in Go."""

from provider.controller.template.errors import FunctionError
from provider.controller.template.functions.casts import text_of, to_strings
from provider.controller.template.limits import Budget
from provider.controller.template.registry import Functions
from provider.controller.template.unicode_text import (
    from_utf8,
    is_space,
    mapped,
    one_to_one,
    quote,
    runes,
    to_utf8,
    trim_space,
)
from provider.controller.template.values import List, Map, Value, strings

TABLE = Functions()
add = TABLE.add
_PART = 64
"""Bytes of memory of a short text in a list."""

add("hello")(lambda: b"Hello!")
add("trim", "string")(trim_space)
add("upper", "string", budget=True)(lambda budget, text: _mapped(budget, text, "upper"))
add("lower", "string", budget=True)(lambda budget, text: _mapped(budget, text, "lower"))
add("contains", "string string")(lambda part, text: part in text)
add("hasPrefix", "string string")(lambda prefix, text: text.startswith(prefix))
add("hasSuffix", "string string")(lambda suffix, text: text.endswith(suffix))
add("trimSuffix", "string string")(lambda suffix, text: text.removesuffix(suffix))
add("trimPrefix", "string string")(lambda prefix, text: text.removeprefix(prefix))
add("plural", "string string int")(lambda one, many, count: one if count == 1 else many)
add("toString", "any", budget=True)(lambda budget, value: text_of(value, budget))
add("toStrings", "any", budget=True)(lambda budget, value: strings(to_strings(value, budget)))


@add("trimall trimAll", "string string", budget=True)
def _trim_all(budget: Budget, chars: bytes, text: bytes) -> bytes:
    """strings.Trim. str.strip compares each rune with all of `chars`, and cannot be interrupted."""
    budget.step((len(chars) + len(text)) >> 3)
    cut, kept = set(from_utf8(chars)), from_utf8(text)
    begin = next((at for at, char in enumerate(kept) if char not in cut), len(kept))
    after = next((at for at, char in enumerate(reversed(kept)) if char not in cut), 0)
    return to_utf8(kept[begin : len(kept) - after])


def _mapped(budget: Budget, text: bytes, change: str) -> bytes:
    if text.isascii():
        return text.upper() if change == "upper" else text.lower()
    budget.step(len(text) >> 2)
    return mapped(runes(text), change).encode()


@add("title", "string", budget=True)
def _title(budget: Budget, text: bytes) -> bytes:
    budget.step(len(text) >> 2)
    out, previous = [], " "
    for char in runes(text):
        out.append(one_to_one(char, "title") if _is_separator(previous) else char)
        previous = char
    return "".join(out).encode()


def _is_separator(char: str) -> bool:
    if char.isascii():
        return not (char.isalnum() or char == "_")
    return not (char.isalpha() or char.isdecimal()) and is_space(char)


@add("untitle", "string", budget=True)
def _untitle(budget: Budget, text: bytes) -> bytes:
    budget.step(len(text) >> 2)
    out, next_word = [], True
    for char in runes(text):
        if is_space(char):
            next_word = True
            out.append(char)
        else:
            out.append(one_to_one(char, "lower") if next_word else char)
            next_word = False
    return "".join(out).encode()


@add("swapcase", "string", budget=True)
def _swapcase(budget: Budget, text: bytes) -> bytes:
    budget.step(len(text) >> 2)
    out, after_space = [], True
    for char in runes(text):
        changed = char
        if char.isupper() or char.istitle():
            changed, after_space = one_to_one(char, "lower"), False
        elif char.islower():
            changed, after_space = one_to_one(char, "title" if after_space else "upper"), False
        else:
            after_space = is_space(char)
        out.append(changed)
    return "".join(out).encode()


@add("nospace", "string", budget=True)
def _nospace(budget: Budget, text: bytes) -> bytes:
    budget.step(len(text) >> 3)
    kept = [byte for byte in text if not is_space(chr(byte))]
    return text if len(kept) == len(text) else "".join(map(chr, kept)).encode()


@add("initials", "string", budget=True)
def _initials(budget: Budget, text: bytes) -> bytes:
    budget.step(len(text) >> 3)
    out, after_gap = [], True
    for char in map(chr, text):  # goutils takes bytes for runes
        if is_space(char):
            after_gap = True
        elif after_gap:
            out.append(char)
            after_gap = False
    return "".join(out).encode()


@add("trunc", "int string")
def _trunc(count: int, text: bytes) -> bytes:
    if count < 0:
        return text[count:] if len(text) + count > 0 else text
    return text[:count]


@add("substr", "int int string")
def _substr(start: int, end: int, text: bytes) -> bytes:
    if start < 0:
        start = 0
    elif end < 0 or end > len(text):
        end = len(text)
    if not 0 <= start <= end <= len(text):
        raise FunctionError("slice bounds out of range")
    return text[start:end]


@add("abbrev", "int string")
def _abbrev(width: int, text: bytes) -> bytes:
    return text if width < 4 else _abbreviated(text, 0, width)


@add("abbrevboth", "int int string")
def _abbrevboth(left: int, right: int, text: bytes) -> bytes:
    if right < 4 or (left > 0 and right < 7):
        return text
    return _abbreviated(text, left, right)


def _abbreviated(text: bytes, offset: int, width: int) -> bytes:
    if width < 4:
        return b""
    if len(text) <= width:
        return text
    offset = min(offset, len(text))
    if len(text) - offset < width - 3:
        offset = len(text) - (width - 3)
    if offset <= 4:
        return text[: width - 3] + b"..."
    if width < 7:
        return b""
    if offset + width - 3 < len(text):
        return b"..." + _abbreviated(text[offset:], 0, width - 3)
    return b"..." + text[len(text) - (width - 3) :]


@add("repeat", "int string", budget=True)
def _repeat(budget: Budget, count: int, text: bytes) -> bytes:
    if count < 0:
        raise FunctionError("strings: negative Repeat count")
    budget.memory(count * len(text))
    return text * count


@add("replace", "string string string", budget=True)
def replace(budget: Budget, old: bytes, new: bytes, text: bytes) -> bytes:
    """strings.ReplaceAll: an empty `old` matches before each rune and at the end."""
    if old:
        budget.memory(text.count(old) * len(new))
        return text.replace(old, new)
    chars = from_utf8(text)
    budget.memory((len(chars) + 1) * len(new))
    return new + to_utf8(from_utf8(new).join(chars)) + new if chars else new


@add("indent", "int string", budget=True)
def _indent(budget: Budget, spaces: int, text: bytes) -> bytes:
    if spaces < 0:
        raise FunctionError("strings: negative Repeat count")
    budget.padding(spaces)
    pad = b" " * spaces
    return pad + replace(budget, b"\n", b"\n" + pad, text)


add("nindent", "int string", budget=True)(
    lambda budget, spaces, text: b"\n" + _indent(budget, spaces, text)
)


@add("quote", "any...", budget=True)
def _quote(budget: Budget, *values: Value) -> bytes:
    texts = [text_of(value, budget) for value in values if value is not None]
    size = sum(map(len, texts))
    budget.memory(size * 4)
    budget.step(size >> 2)
    return b" ".join(map(quote, texts))


@add("squote", "any...", budget=True)
def _squote(budget: Budget, *values: Value) -> bytes:
    return b" ".join(b"'" + text_of(value, budget) + b"'" for value in values if value is not None)


@add("cat", "any...", budget=True)
def _cat(budget: Budget, *values: Value) -> bytes:
    return b" ".join(text_of(value, budget) for value in values if value is not None)


@add("join", "string any", budget=True)
def _join(budget: Budget, separator: bytes, value: Value) -> bytes:
    texts = to_strings(value, budget)
    budget.memory(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _parts(budget: Budget, separator: bytes, text: bytes, most: int = -1) -> list[bytes]:
    if most == 0:
        return []
    budget.memory(_PART * (text.count(separator) + 1))
    if separator:
        return text.split(separator, most - 1 if most > 0 else -1)
    chars = [to_utf8(char) for char in from_utf8(text)]
    if 0 < most < len(chars):
        return [*chars[: most - 1], b"".join(chars[most - 1 :])]
    return chars


@add("splitList", "string string", budget=True)
def _split_list(budget: Budget, separator: bytes, text: bytes) -> List:
    return strings(_parts(budget, separator, text))


@add("splitn", "string int string", budget=True)
def _splitn(budget: Budget, separator: bytes, most: int, text: bytes) -> Map:
    parts = _parts(budget, separator, text, most)
    budget.sorting(len(parts))  # a dictionary is always read in order
    budget.memory(_PART * 2 * len(parts))
    budget.step(len(parts) >> 2)
    return Map({b"_%d" % number: part for number, part in enumerate(parts)}, "string")


add("split", "string string", budget=True)(
    lambda budget, separator, text: _splitn(budget, separator, -1, text)
)


@add("sortAlpha", "any", budget=True)
def _sort_alpha(budget: Budget, value: Value) -> List:
    if not isinstance(value, List):
        return strings([text_of(value, budget)])
    budget.sorting(len(value.items))
    texts = sorted(to_strings(value, budget))
    if value.elem == "string":
        value.items[:] = texts  # Go sorts a []string in place
    return strings(texts)
