"""Decodes values that are kept as text and stand for bytes."""

from base64 import b64decode
from binascii import unhexlify
from typing import Literal

from provider.errors import SecretUnusable

Encoding = Literal["base64", "hex"]

_WHITESPACE = b" \t\r\n\v\f"


def decode(content: bytes, encoding: Encoding) -> bytes:
    """The decoded bytes; raises `SecretUnusable` if `content` is not valid.

    White space is ignored. Base64 is the standard alphabet with padding (RFC 4648, section 4).
    """
    compact = content.translate(None, _WHITESPACE)
    try:
        return unhexlify(compact) if encoding == "hex" else b64decode(compact, validate=True)
    except ValueError:  # its text may show the content
        raise SecretUnusable(f"the value is not {encoding}") from None
