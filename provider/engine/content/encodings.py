"""`objectEncoding`: values that are kept as text, written as the bytes that they stand for."""

from base64 import b64decode
from binascii import unhexlify

from provider.errors import SecretUnusable
from provider.csi.request.model import Encoding

_WHITESPACE = b" \t\r\n\v\f"


def decode(content: bytes, encoding: Encoding | None, where: str) -> bytes:
    """The bytes that `content` stands for; `SecretUnusable`, which names `where`, if for none.

    Line breaks and other white space are left out of account, wherever they are. Base64 is the
    standard alphabet with its padding ("Base 64 Encoding", RFC 4648, section 4).
    """
    if encoding is None:
        return content
    compact = content.translate(None, _WHITESPACE)
    try:
        return unhexlify(compact) if encoding == "hex" else b64decode(compact, validate=True)
    except ValueError:  # its text may tell of the content
        raise SecretUnusable(
            f"{where}: the value is not {encoding}, as objectEncoding says"
        ) from None
