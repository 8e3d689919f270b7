"""Random passwords and UUIDs, from the system's cryptographic source."""

import base64
from collections.abc import Callable, Mapping
from secrets import SystemRandom
from string import ascii_lowercase, ascii_uppercase, digits
from uuid import uuid4

from provider.controller.resources.generators import Encoding, PasswordSpec
from provider.errors import InvalidRequest

SYMBOLS = '~!@#$%^&*()_+`-={}|[]\\:"<>?,./'
MOST_CHARACTERS = 2**16
"""Characters of all passwords of one generator, which takes a tenth of a second."""
_RANDOM = SystemRandom()
_ENCODINGS: Mapping[Encoding, Callable[[bytes], bytes]] = {
    "raw": bytes,
    "base64": base64.b64encode,
    "base64url": base64.urlsafe_b64encode,
    "base32": base64.b32encode,
    "hex": lambda text: text.hex().encode(),
}


def new_uuid() -> dict[str, bytes]:
    """A random UUID, under the key `uuid`."""
    return {"uuid": str(uuid4()).encode()}


def new_passwords(spec: PasswordSpec) -> dict[str, bytes]:
    """A password for each of `secretKeys`, or one under the key `password`.

    Raises `InvalidRequest` with the texts of External Secrets Operator.
    """
    keys = spec.secret_keys or ("password",)
    if len(set(keys)) < len(keys) or "" in keys:
        raise InvalidRequest("secretKeys must be non-empty and unique")
    if len(keys) * spec.length > MOST_CHARACTERS:
        raise InvalidRequest(f"the passwords have more than {MOST_CHARACTERS} characters in all")
    encode = _ENCODINGS[spec.encoding]
    return {key: encode(new_password(spec).encode()) for key in keys}


def new_password(spec: PasswordSpec) -> str:
    """A password of exactly so many digits and symbols; letters are the rest."""
    count_digits = spec.length // 4 if spec.digits is None else spec.digits
    count_symbols = spec.length // 4 if spec.symbols is None else spec.symbols
    letters = ascii_lowercase + ("" if spec.no_upper else ascii_uppercase)
    wanted = (
        ("letters", letters, spec.length - count_digits - count_symbols),
        ("digits", digits, count_digits),
        ("symbols", spec.symbol_characters or SYMBOLS, count_symbols),
    )
    if min(count for _, _, count in wanted) < 0:
        raise InvalidRequest("number of digits and symbols must be less than total length")
    chosen: list[str] = []
    for name, characters, count in wanted:
        if spec.allow_repeat:
            chosen += _RANDOM.choices(characters, k=count)
            continue
        left = sorted(set(characters) - set(chosen))
        if count > len(left):
            raise InvalidRequest(
                f"number of {name} exceeds available {name} and repeats are not allowed"
            )
        chosen += _RANDOM.sample(left, count)
    _RANDOM.shuffle(chosen)
    return "".join(chosen)
