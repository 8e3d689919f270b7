"""goutils' wrapping of lines."""

from provider.controller.template.limits import Budget
from provider.controller.template.registry import Functions

TABLE = Functions()
add = TABLE.add


@add("wrap", "int string", budget=True)
def _wrap(budget: Budget, width: int, text: bytes) -> bytes:
    return _wrapped(budget, text, width, b"\n", breaks_words=False)


@add("wrapWith", "int string string", budget=True)
def _wrap_with(budget: Budget, width: int, separator: bytes, text: bytes) -> bytes:
    return _wrapped(budget, text, width, separator or b"\n", breaks_words=True)


def _wrapped(
    budget: Budget, text: bytes, width: int, newline: bytes, *, breaks_words: bool
) -> bytes:
    width = max(width, 1)
    out: list[bytes] = []
    at = 0
    while len(text) - at > width:
        budget.step()
        if text[at : at + 1] == b" ":
            at += 1
            continue
        space = text.rfind(b" ", at, at + width + 1)
        if space < 0 and breaks_words:
            end = following = at + width
        elif space < 0:
            end = text.find(b" ", at + width)
            if end < 0:
                break
            following = end + 1
        else:
            end, following = space, space + 1
        budget.memory(len(newline))
        out += [text[at:end], newline]
        at = following
    return b"".join([*out, text[at:]])
