"""PEM blocks, certificates and private keys, as Go's encoding/pem and crypto/x509 read them."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from provider.controller.template import rsa_keys
from provider.controller.template.errors import FunctionError

PrivateKey = (
    rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey
)
_BEGIN: Final = re.compile(rb"-----BEGIN ([^\n\r]*?)-----[ \t\r]*\n")
_END: Final = re.compile(rb"\n-----END ([^\n\r]*?)-----[ \t\r]*(?=\n|\Z)")
_HEADER: Final = re.compile(rb"([^\n:]*):([^\n]*)\n")
_MOST_KEY: Final = 8192  # bytes; an RSA key of 8192 bits has 4700
_NOT_READ: Final = tuple(
    map(bytes.fromhex, ("2a8648ce380401", "2a864886f70d010301", "2a8648ce3e0201"))
)
"""DSA and Diffie-Hellman in PKCS #8, which Go does not read. OpenSSL computes their public keys,
which holds the event loop for seconds."""
_BODY: Final = re.compile(rb"[A-Za-z0-9+/]*={0,2}")


@dataclass(frozen=True, slots=True)
class Block:
    """A PEM block; `end` is the offset behind it in the text that it was read from."""

    kind: str
    data: bytes = field(repr=False)
    headers: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    end: int = 0


def blocks(text: bytes) -> Iterator[Block]:
    """The PEM blocks of a text. Damaged ones are skipped."""
    at = 0
    while (block := decode(text, at)) is not None:
        yield block
        at = block.end


def decode(text: bytes, at: int = 0) -> Block | None:
    """The first PEM block from an offset on, or None. Takes linear time for damaged texts."""
    while (end := _END.search(text, at)) is not None:
        begin = _last_begin(text, at, end.start())
        block = _block(text, begin, end) if begin is not None else None
        if block is not None:
            return block
        at = end.end()
    return None


def _last_begin(text: bytes, low: int, high: int) -> re.Match[bytes] | None:
    """The last line that begins a block before an end; blocks do not contain such lines."""
    at = high
    while (at := text.rfind(b"-----BEGIN ", low, at)) >= 0:
        if at == 0 or text[at - 1] == 0x0A:
            match = _BEGIN.match(text, at)
            if match is not None and match.end() <= high + 1:
                return match
    return None


def _block(text: bytes, begin: re.Match[bytes], end: re.Match[bytes]) -> Block | None:
    kind = begin.group(1)
    if end.group(1) != kind:
        return None
    at = begin.end()
    headers = []
    while (header := _HEADER.match(text, at, end.start() + 1)) is not None:
        headers.append((header.group(1).strip(), header.group(2).strip()))
        at = header.end()
    body = text[at : end.start()].translate(None, b" \t\r\n")
    if not _BODY.fullmatch(body) or len(body) % 4:
        return None
    data = base64.b64decode(body)
    return Block(kind.decode("utf-8", "replace"), data, tuple(headers), end.end())


def encode(block: Block) -> bytes:
    """pem.Encode."""
    body = base64.b64encode(block.data)
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    head = sorted(block.headers, key=lambda header: (header[0] != b"Proc-Type", header[0]))
    text = [b"-----BEGIN " + block.kind.encode() + b"-----"]
    text += [name + b": " + value for name, value in head]
    text += [b""] if head else []
    return b"\n".join([*text, *lines, b"-----END " + block.kind.encode() + b"-----", b""])


def parse_certificate(der: bytes) -> x509.Certificate:
    """x509.ParseCertificate. Raises FunctionError."""
    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, UnsupportedAlgorithm, TypeError):
        raise FunctionError("x509: malformed certificate") from None


def parse_private_key(der: bytes) -> PrivateKey:
    """A PKCS #1, PKCS #8 or EC private key. Raises FunctionError."""
    if len(der) > _MOST_KEY:
        raise FunctionError(f"the private key has more than {_MOST_KEY} bytes")
    if any(one in der for one in _NOT_READ):
        raise FunctionError("unable to parse private key type")
    try:
        key = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
        if isinstance(key, rsa.RSAPrivateKey):
            return rsa_keys.checked(key)
    except (ValueError, UnsupportedAlgorithm, TypeError):
        raise FunctionError("unable to parse private key type") from None
    if not isinstance(key, PrivateKey):
        raise FunctionError("unable to parse private key type")
    return key


def private_key_of(pem: bytes) -> PrivateKey:
    """The private key of a PEM text, as sprig reads it. Raises FunctionError."""
    block = decode(pem)
    if block is None:
        raise FunctionError("no PEM data in input")
    if block.kind not in (
        "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY"
    ):  # fmt: skip
        raise FunctionError("no private key data in PEM block")
    return parse_private_key(block.data)


def pkcs8(key: PrivateKey) -> bytes:
    """The key as PKCS #8, DER."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def key_pem(key: PrivateKey) -> bytes:
    """The key as PEM of its traditional format; Ed25519 as PKCS #8."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return encode(Block("PRIVATE KEY", pkcs8(key)))
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
