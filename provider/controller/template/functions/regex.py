"""sprig's regular expressions."""

from provider.controller.template.errors import FunctionError
from provider.controller.template.go_regexp import compiled, quote_meta
from provider.controller.template.limits import Budget
from provider.controller.template.registry import Table, adder
from provider.controller.template.values import List, strings

TABLE: Table = {}
add = adder(TABLE)

add("regexQuoteMeta", "string")(quote_meta)
add("mustRegexMatch", "string string")(lambda pattern, text: compiled(pattern).matches(text))


@add("regexMatch", "string string")
def _match(pattern: bytes, text: bytes) -> bool:
    try:
        return compiled(pattern).matches(text)
    except FunctionError:
        return False


def _spans(budget: Budget, pattern: bytes, text: bytes, most: int = -1) -> list[tuple[int, int]]:
    spans = []
    for found in compiled(pattern).spans(text, most):
        budget.step()
        budget.memory(32)
        spans.append(found[0])
    return spans


@add("regexFind mustRegexFind", "string string")
def _find(pattern: bytes, text: bytes) -> bytes:
    for found in compiled(pattern).spans(text, 1):
        start, end = found[0]
        return text[start:end]
    return b""


@add("regexFindAll mustRegexFindAll", "string string int", budget=True)
def _find_all(budget: Budget, pattern: bytes, text: bytes, most: int) -> List:
    found = [text[start:end] for start, end in _spans(budget, pattern, text, most)]
    result = strings(found)
    result.nil = not found
    return result


def _replace(
    budget: Budget, pattern: bytes, text: bytes, replacement: bytes, *, literal: bool
) -> bytes:
    count = len(_spans(budget, pattern, text))
    longest = len(replacement) if literal else len(replacement) + replacement.count(b"$") * len(text)
    if count * longest > budget.limits.memory_bytes // 16:
        budget.memory(count * longest)
    return compiled(pattern).replace(text, replacement, literal=literal)


add("regexReplaceAll mustRegexReplaceAll", "string string string", budget=True)(
    lambda budget, pattern, text, new: _replace(budget, pattern, text, new, literal=False)
)
add("regexReplaceAllLiteral mustRegexReplaceAllLiteral", "string string string", budget=True)(
    lambda budget, pattern, text, new: _replace(budget, pattern, text, new, literal=True)
)


@add("regexSplit mustRegexSplit", "string string int", budget=True)
def _split(budget: Budget, pattern: bytes, text: bytes, most: int) -> List:
    if most == 0:
        return List([], "string", nil=True)
    if pattern and not text:
        return strings([b""])
    parts: list[bytes] = []
    begin, end = 0, 0
    for start, stop in _spans(budget, pattern, text, most):
        if most > 0 and len(parts) == most - 1:
            break
        end = start
        if stop != 0:
            parts.append(text[begin:end])
        begin = stop
    if end != len(text):
        parts.append(text[begin:])
    return strings(parts)
