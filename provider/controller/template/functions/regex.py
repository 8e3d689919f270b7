"""sprig's regular expressions."""

from collections.abc import Iterator

from provider.controller.template.errors import FunctionError
from provider.controller.template.go_regexp import Pattern, Spans, compiled, quote_meta, replaced
from provider.controller.template.limits import Budget
from provider.controller.template.registry import Functions
from provider.controller.template.values import List, strings

TABLE = Functions()
add = TABLE.add

add("regexQuoteMeta", "string")(quote_meta)


def _pattern(budget: Budget, pattern: bytes) -> Pattern:
    found = compiled(pattern)
    budget.step(found.size >> 6)  # it may have been compiled now
    return found


@add("mustRegexMatch", "string string", budget=True)
def _must_match(budget: Budget, pattern: bytes, text: bytes) -> bool:
    return _pattern(budget, pattern).matches(text, budget.before)


@add("regexMatch", "string string", budget=True)
def _match(budget: Budget, pattern: bytes, text: bytes) -> bool:
    try:
        return _must_match(budget, pattern, text)
    except FunctionError:
        return False


def _found(budget: Budget, pattern: Pattern, text: bytes, most: int = -1) -> Iterator[Spans]:
    """The matches. Each search may read the rest of the text, so it counts as work."""
    for spans in pattern.spans(text, most, budget.before):
        budget.step(1 + ((len(text) - spans[0][0]) >> 11))
        budget.memory(32)
        yield spans


@add("regexFind mustRegexFind", "string string", budget=True)
def _find(budget: Budget, pattern: bytes, text: bytes) -> bytes:
    for found in _pattern(budget, pattern).spans(text, 1, budget.before):
        start, end = found[0]
        return text[start:end]
    return b""


@add("regexFindAll mustRegexFindAll", "string string int", budget=True)
def _find_all(budget: Budget, pattern: bytes, text: bytes, most: int) -> List:
    matches = _found(budget, _pattern(budget, pattern), text, most)
    found = [text[start:end] for (start, end), *_ in matches]
    result = strings(found)
    result.nil = not found
    return result


@add("regexReplaceAll mustRegexReplaceAll", "string string string", budget=True)
def _replace(budget: Budget, pattern: bytes, text: bytes, template: bytes) -> bytes:
    regexp = _pattern(budget, pattern)
    references = template.count(b"$")

    def expanded(spans: Spans) -> bytes:
        budget.step(references)
        new = regexp.expand(template, text, spans)
        budget.memory(len(new))
        return new

    return replaced(text, _found(budget, regexp, text), expanded)


@add("regexReplaceAllLiteral mustRegexReplaceAllLiteral", "string string string", budget=True)
def _replace_literal(budget: Budget, pattern: bytes, text: bytes, literal: bytes) -> bytes:
    def counted(_spans: Spans) -> bytes:
        budget.memory(len(literal))
        return literal

    return replaced(text, _found(budget, _pattern(budget, pattern), text), counted)


@add("regexSplit mustRegexSplit", "string string int", budget=True)
def _split(budget: Budget, pattern: bytes, text: bytes, most: int) -> List:
    regexp = _pattern(budget, pattern)
    if most == 0:
        return List([], "string", nil=True)
    if pattern and not text:
        return strings([b""])
    parts: list[bytes] = []
    begin, end = 0, 0
    for (start, stop), *_ in _found(budget, regexp, text, most):
        if most > 0 and len(parts) == most - 1:
            break
        end = start
        if stop != 0:
            parts.append(text[begin:end])
        begin = stop
    if end != len(text):
        parts.append(text[begin:])
    return strings(parts)
