"""sprig's random texts."""

import random
import secrets
import string

from provider.controller.template.limits import Budget
from provider.controller.template.registry import Functions
from provider.controller.template.unicode_text import from_utf8, to_utf8

TABLE = Functions()
add = TABLE.add


@add("shuffle", "string", budget=True)
def _shuffle(budget: Budget, text: bytes) -> bytes:
    budget.step(len(text))
    chars = list(from_utf8(text))
    random.SystemRandom().shuffle(chars)
    return to_utf8("".join(chars))


def _random(chars: str, budget: Budget, count: int) -> bytes:
    if count < 0:
        return b""
    budget.memory(count)
    budget.step(count)
    return "".join(secrets.choice(chars) for _ in range(count)).encode()


for _names, _chars in (
    ("randAlphaNum", string.ascii_letters + string.digits),
    ("randAlpha", string.ascii_letters),
    ("randNumeric", string.digits),
    ("randAscii", "".join(map(chr, range(32, 127)))),
):
    add(_names, "int", budget=True)(
        lambda budget, count, chars=_chars: _random(chars, budget, count)
    )
