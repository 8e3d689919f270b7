"""External Secrets Operator's functions on JSON Web Keys."""

import base64
import json
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from provider.controller.template import rsa_keys
from provider.controller.template.errors import FunctionError
from provider.controller.template.pem_blocks import Block, PrivateKey, encode
from provider.controller.template.registry import Functions

TABLE = Functions()
add = TABLE.add

_MOST: Final = 16 << 10  # bytes; one of 8192 bits has 7000
_CURVES: Final[Mapping[object, ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1(),
}  # fmt: skip
_PublicKey = (
    rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | x25519.X25519PublicKey
)
_JwkPrivateKey = PrivateKey | x25519.X25519PrivateKey


class _Jwk:
    """A JSON Web Key. Every method raises ValueError for what is malformed."""

    def __init__(self, text: bytes) -> None:
        if len(text) > _MOST:
            raise ValueError("too long")
        document = json.loads(text)
        if not isinstance(document, dict):
            raise ValueError("no object")
        self._members = document

    def _bytes(self, name: str) -> bytes:
        text = self._members.get(name)
        if not isinstance(text, str) or not text:
            raise ValueError(name)
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)

    def _int(self, name: str) -> int:
        return int.from_bytes(self._bytes(name))

    @property
    def is_private(self) -> bool:
        """Whether the key has its private part."""
        return "d" in self._members

    def public_key(self) -> _PublicKey:
        """The public key."""
        match self._members.get("kty"):
            case "RSA":
                return self._rsa_public().public_key()
            case "EC":
                return self._ec_public().public_key()
            case "OKP" if self._members.get("crv") == "Ed25519":
                return ed25519.Ed25519PublicKey.from_public_bytes(self._bytes("x"))
            case "OKP" if self._members.get("crv") == "X25519":
                return x25519.X25519PublicKey.from_public_bytes(self._bytes("x"))
        raise ValueError("kty")

    def private_key(self) -> _JwkPrivateKey:
        """The private key."""
        match self._members.get("kty"):
            case "RSA":
                return self._rsa_private()
            case "EC":
                numbers = ec.EllipticCurvePrivateNumbers(self._int("d"), self._ec_public())
                return numbers.private_key()
            case "OKP" if self._members.get("crv") == "Ed25519":
                return ed25519.Ed25519PrivateKey.from_private_bytes(self._bytes("d"))
            case "OKP" if self._members.get("crv") == "X25519":
                return x25519.X25519PrivateKey.from_private_bytes(self._bytes("d"))
        raise ValueError("kty")

    def _rsa_public(self) -> rsa.RSAPublicNumbers:
        return rsa.RSAPublicNumbers(self._int("e"), self._int("n"))

    def _ec_public(self) -> ec.EllipticCurvePublicNumbers:
        curve = _CURVES.get(self._members.get("crv"))
        if curve is None:
            raise ValueError("crv")
        return ec.EllipticCurvePublicNumbers(self._int("x"), self._int("y"), curve)

    def _rsa_private(self) -> rsa.RSAPrivateKey:
        public, exponent = self._rsa_public(), self._int("d")
        p, q = self._int("p"), self._int("q")
        if min(p, q) < 2 or max(p, q).bit_length() > rsa_keys.MOST_BITS:
            raise ValueError("a factor is too large")
        numbers = rsa.RSAPrivateNumbers(
            p, q, exponent, rsa.rsa_crt_dmp1(exponent, p), rsa.rsa_crt_dmq1(exponent, q),
            rsa.rsa_crt_iqmp(p, q), public,
        )  # fmt: skip
        return rsa_keys.private_key(numbers)


@add("jwkPublicKeyPem", "string")
def _jwk_public(text: bytes) -> bytes:
    try:
        jwk = _Jwk(text)
        if jwk.is_private:
            raise FunctionError("x509: unsupported public key type: the JWK is private")
        key = jwk.public_key()
    except (ValueError, ArithmeticError, UnsupportedAlgorithm, RecursionError):
        raise FunctionError("failed to parse the JWK") from None
    data = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encode(Block("PUBLIC KEY", data))


@add("jwkPrivateKeyPem", "string")
def _jwk_private(text: bytes) -> bytes:
    try:
        jwk = _Jwk(text)
        if not jwk.is_private:
            raise FunctionError("x509: unknown key type: the JWK is public")
        key = jwk.private_key()
    except (ValueError, ArithmeticError, UnsupportedAlgorithm, RecursionError):
        raise FunctionError("failed to parse the JWK") from None
    data = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return encode(Block("PRIVATE KEY", data))
