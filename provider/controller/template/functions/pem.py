"""External Secrets Operator's functions on PEM, PKCS #12, JWK and RSA."""

import base64
import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)

from provider.controller.template.errors import FunctionError
from provider.controller.template.limits import Budget
from provider.controller.template.pem_blocks import (
    Block,
    PrivateKey,
    blocks,
    decode,
    encode,
    parse_certificate,
    parse_private_key,
    pkcs8,
)
from provider.controller.template.registry import Table, adder
from provider.controller.template.values import List, strings

TABLE: Table = {}
add = adder(TABLE)

_PKCS12_STEPS: Final = 2_000


def _certificate_pem(certificate: x509.Certificate) -> bytes:
    return encode(Block("CERTIFICATE", certificate.public_bytes(Encoding.DER)))


def _trimmed(text: bytes) -> bytes:
    return text[max(text.find(b"-----BEGIN"), 0) :]


@add("filterPEM", "string string")
def _filter(kind: bytes, text: bytes) -> bytes:
    text = _trimmed(text)
    wanted = kind.decode("utf-8", "replace").casefold()
    found: list[bytes] = []
    end = 0
    for block in blocks(text):
        end = block.end
        if block.kind.casefold() == wanted:
            found.append(encode(block))
    if not found and text[end:].strip(b"\r\n"):
        raise FunctionError("error filtering pem: found junk")
    return b"".join(found)


@add("certSANs", "string")
def _sans(text: bytes) -> List:
    block = decode(_trimmed(text))
    if block is None:
        raise FunctionError("failed to decode PEM block")
    certificate = parse_certificate(block.data)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return strings([])
    except ValueError:
        raise FunctionError("failed to parse certificate") from None
    texts = names.get_values_for_type(x509.DNSName)
    texts += [_ip_text(ip) for ip in names.get_values_for_type(x509.IPAddress)]
    texts += names.get_values_for_type(x509.RFC822Name)
    texts += names.get_values_for_type(x509.UniformResourceIdentifier)
    return strings([text.encode() for text in texts])


def _ip_text(ip: object) -> str:
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ip)


# --- chains ---


@dataclass(frozen=True, slots=True)
class _Link:
    """A certificate and the identifiers that say who signed whom. None and empty are equal."""

    certificate: x509.Certificate
    authority: bytes | None
    subject: bytes | None

    def is_root(self) -> bool:
        return self.authority is None or self.authority == (self.subject or b"")


def _link(certificate: x509.Certificate) -> _Link:
    authority = subject = None
    try:
        for extension in certificate.extensions:
            if isinstance(extension.value, x509.AuthorityKeyIdentifier):
                authority = extension.value.key_identifier
            elif isinstance(extension.value, x509.SubjectKeyIdentifier):
                subject = extension.value.digest
    except ValueError:
        raise FunctionError("x509: malformed extension") from None
    return _Link(certificate, authority, subject)


def ordered_chain(certificates: Sequence[x509.Certificate]) -> list[_Link]:
    """The certificates from the leaf to the root. Raises FunctionError if they are no chain."""
    links = [_link(certificate) for certificate in certificates]
    parents: dict[int, int] = {}
    for number, link in enumerate(links):
        for other, candidate in enumerate(links):
            if number != other and (link.authority or b"") == (candidate.subject or b""):
                parents[number] = other
                break
    leaves = [number for number in range(len(links)) if number not in parents.values()]
    if len(leaves) > 1:
        raise FunctionError("found multiple leaf or disjunct certificates")
    if not leaves:
        raise FunctionError("no leaf certificate found")
    chain: list[_Link] = []
    at: int | None = leaves[0]
    while at is not None:
        if len(chain) == len(links):
            raise FunctionError("constructing chain resulted in cycle")
        chain.append(links[at])
        at = parents.get(at)
    return chain


_MOST_CERTIFICATES: Final = 300


def _certificates(text: bytes) -> list[x509.Certificate]:
    found = []
    for block in blocks(text):
        if len(found) == _MOST_CERTIFICATES:
            raise FunctionError(f"more than {_MOST_CERTIFICATES} certificates")
        found.append(parse_certificate(block.data))
    return found


@add("filterCertChain", "string string")
def _filter_chain(kind: bytes, text: bytes) -> bytes:
    chain = ordered_chain(_certificates(text))
    if kind == b"leaf" and not chain[0].is_root():
        return _certificate_pem(chain[0].certificate)
    if kind == b"intermediate":
        out = []
        for link in chain[1:]:
            if link.is_root():
                break
            out.append(_certificate_pem(link.certificate))
        return b"".join(out)
    if kind == b"root" and chain[-1].is_root():
        return _certificate_pem(chain[-1].certificate)
    return b""


# --- PKCS #12 ---


def _opened(budget: Budget, password: bytes, data: bytes) -> pkcs12.PKCS12KeyAndCertificates:
    budget.step(_PKCS12_STEPS)
    for attempt in (password, *([] if password else [None])):
        try:
            return pkcs12.load_pkcs12(data, attempt)
        except (ValueError, UnsupportedAlgorithm, TypeError):
            continue
    raise FunctionError("unable to decode pkcs12: wrong password or malformed data")


@add("pkcs12keyPass", "string string", budget=True)
def _key_pass(budget: Budget, password: bytes, data: bytes) -> bytes:
    key = _opened(budget, password, data).key
    if not isinstance(key, PrivateKey):
        raise FunctionError("unable to decode pkcs12: no private key")
    return encode(Block("PRIVATE KEY", pkcs8(key)))


@add("pkcs12certPass", "string string", budget=True)
def _cert_pass(budget: Budget, password: bytes, data: bytes) -> bytes:
    opened = _opened(budget, password, data)
    if opened.cert is None:
        raise FunctionError("unable to decode pkcs12 certificate: certificate missing")
    certificates = [c.certificate for c in (opened.cert, *opened.additional_certs)]
    try:
        certificates = [link.certificate for link in ordered_chain(certificates)]
    except FunctionError:
        pass  # not one chain: in the order of the file
    return b"".join(map(_certificate_pem, certificates))


add("pkcs12key", "string", budget=True)(lambda budget, data: _key_pass(budget, b"", data))
add("pkcs12cert", "string", budget=True)(lambda budget, data: _cert_pass(budget, b"", data))


def _encryption(password: bytes) -> KeySerializationEncryption:
    """AES-256 and SHA-256. Without a password the file is not encrypted."""
    if not password:
        return NoEncryption()
    return (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(2048)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(password)
    )


def _first_block(text: bytes, what: str) -> Block:
    block = decode(text)
    if block is None:
        raise FunctionError(f"the {what} is not PEM")
    return block


def _packed(
    budget: Budget, certificates: list[x509.Certificate], key: bytes, password: bytes
) -> bytes:
    budget.step(_PKCS12_STEPS)
    private_key = parse_private_key(_first_block(key, "private key").data)
    try:
        data = pkcs12.serialize_key_and_certificates(
            None, private_key, certificates[0], certificates[1:] or None, _encryption(password)
        )
    except (ValueError, TypeError):
        raise FunctionError("the private key does not fit the certificate") from None
    return base64.b64encode(data)


@add("pemToPkcs12Pass", "string string string", budget=True)
def _pack(budget: Budget, certificate: bytes, key: bytes, password: bytes) -> bytes:
    first = parse_certificate(_first_block(certificate, "certificate").data)
    return _packed(budget, [first], key, password)


@add("fullPemToPkcs12Pass", "string string string", budget=True)
def _pack_full(budget: Budget, certificates: bytes, key: bytes, password: bytes) -> bytes:
    return _packed(budget, _all_certificates(certificates), key, password)


def _all_certificates(text: bytes) -> list[x509.Certificate]:
    certificates = _certificates(text)
    if not certificates:
        raise FunctionError("the certificate is not PEM")
    return certificates


add("pemToPkcs12", "string string", budget=True)(
    lambda budget, certificate, key: _pack(budget, certificate, key, b"")
)
add("fullPemToPkcs12", "string string", budget=True)(
    lambda budget, certificates, key: _pack_full(budget, certificates, key, b"")
)


@add("pemTruststoreToPKCS12Pass", "string string", budget=True)
def _trust_store(budget: Budget, text: bytes, password: bytes) -> bytes:
    budget.step(_PKCS12_STEPS)
    entries = [
        pkcs12.PKCS12Certificate(certificate, certificate.subject.rfc4514_string().encode())
        for certificate in _all_certificates(text)
    ]
    return base64.b64encode(pkcs12.serialize_java_truststore(entries, _encryption(password)))


add("pemTruststoreToPKCS12", "string", budget=True)(
    lambda budget, text: _trust_store(budget, text, b"")
)

# --- JWK ---

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
        document = json.loads(text)
        if not isinstance(document, dict):
            raise ValueError("no object")  # noqa: TRY004 - one error for every malformed key
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
        numbers = rsa.RSAPrivateNumbers(
            p, q, exponent, rsa.rsa_crt_dmp1(exponent, p), rsa.rsa_crt_dmq1(exponent, q),
            rsa.rsa_crt_iqmp(p, q), public,
        )  # fmt: skip
        return numbers.private_key()


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


_HASHES: Final = {b"SHA1": hashes.SHA1, b"SHA512": hashes.SHA512}


@add("rsaDecrypt", "string string string string")
def _rsa_decrypt(scheme: bytes, digest: bytes, data: bytes, private_key: bytes) -> bytes:
    if scheme == b"None":
        return data
    if scheme != b"RSA-OAEP":
        raise FunctionError("the decryption scheme is not supported")
    block = decode(private_key)
    if block is None:
        raise FunctionError("failed to decode PEM block")
    key = parse_private_key(block.data)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise FunctionError("could not parse RSA private key")
    algorithm = _HASHES.get(digest, hashes.SHA256)()
    scheme_padding = padding.OAEP(padding.MGF1(algorithm), algorithm, None)
    try:
        return key.decrypt(data, scheme_padding)
    except ValueError:
        raise FunctionError("error decrypting data with RSA") from None
