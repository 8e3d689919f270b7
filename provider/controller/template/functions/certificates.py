"""sprig's private keys and certificates."""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from provider.controller.resources.keys import go_base64
from provider.controller.template.errors import FunctionError
from provider.controller.template.limits import Budget
from provider.controller.template.pem_blocks import (
    PrivateKey,
    decode,
    key_pem,
    parse_certificate,
    private_key_of,
)
from provider.controller.template.registry import Functions
from provider.controller.template.rsa_keys import USE_STEPS
from provider.controller.template.unicode_text import from_utf8
from provider.controller.template.values import List, Pair, Value

TABLE = Functions()
add = TABLE.add

_RSA_STEPS: Final = 30_000  # a key of 2048 bits, about 60 ms
_LARGE_STEPS: Final = 100_000


def _rsa(budget: Budget, bits: int = 2048) -> rsa.RSAPrivateKey:
    budget.step(_RSA_STEPS if bits == 2048 else _LARGE_STEPS)
    return rsa.generate_private_key(65537, bits)


def _given(budget: Budget, pem: bytes) -> PrivateKey:
    """A key that is given, and that signs a certificate."""
    budget.step(USE_STEPS)
    return private_key_of(pem)


@add("genPrivateKey", "string", budget=True)
def _private_key(budget: Budget, kind: bytes) -> bytes:
    match kind:
        case b"" | b"rsa":
            return key_pem(_rsa(budget, 4096))
        case b"dsa":
            budget.step(_LARGE_STEPS)
            return key_pem(dsa.generate_private_key(2048))
        case b"ecdsa":
            return key_pem(ec.generate_private_key(ec.SECP256R1()))
        case b"ed25519":
            return key_pem(ed25519.Ed25519PrivateKey.generate())
    return b"Unknown type " + kind


@add("buildCustomCert", "string string")
def _custom(certificate: bytes, key: bytes) -> Pair:
    try:
        cert_pem = go_base64(certificate, url=False)
    except ValueError:
        raise FunctionError("unable to decode base64 certificate") from None
    try:
        own_key = go_base64(key, url=False)
    except ValueError:
        raise FunctionError("unable to decode base64 private key") from None
    _certificate_of(cert_pem)
    private_key_of(own_key)
    return Pair(cert_pem, own_key)


def _certificate_of(pem: bytes) -> x509.Certificate:
    block = decode(pem)
    if block is None:
        raise FunctionError("unable to decode certificate")
    return parse_certificate(block.data)


def _alternative_names(ips: List, names: List) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in names.items:
        if not isinstance(name, bytes):
            raise FunctionError("error processing alternate dns name: it is not a string")
        found.append(x509.DNSName(from_utf8(name)))
    for ip in ips.items:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(_ip_text(ip))))
        except ValueError:
            raise FunctionError("error parsing ip") from None
    return found


def _ip_text(ip: Value) -> str:
    if not isinstance(ip, bytes):
        raise FunctionError("error parsing ip: it is not a string")
    return from_utf8(ip)


def _issue(
    subject: tuple[bytes, int],
    names: list[x509.GeneralName],
    key: PrivateKey,
    issuer: tuple[x509.Name, PrivateKey] | None,
    *,
    is_authority: bool = False,
) -> Pair:
    """A certificate. `subject` is the common name and the days of validity."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, from_utf8(subject[0]))])
    start = datetime.now(UTC)
    signer, signing_key = issuer or (name, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(signer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=subject[1]))
        .add_extension(_usage(is_authority), critical=True)
        .add_extension(_PURPOSES, critical=False)
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    )
    public = signing_key.public_key()
    if is_authority:
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(own, critical=False)
    elif issuer:
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(public)
        builder = builder.add_extension(authority, critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    digest = None if isinstance(signing_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    certificate = builder.sign(signing_key, digest)
    return Pair(certificate.public_bytes(Encoding.PEM), key_pem(key))


_PURPOSES: Final = x509.ExtendedKeyUsage(
    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
)


def _usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=True,
        data_encipherment=False, key_agreement=False, key_cert_sign=is_authority,
        crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


add("genCA", "string int", budget=True)(
    lambda budget, name, days: _issue((name, days), [], _rsa(budget), None, is_authority=True)
)
add("genCAWithKey", "string int string", budget=True)(
    lambda budget, name, days, pem: _issue(
        (name, days), [], _given(budget, pem), None, is_authority=True
    )
)
add("genSelfSignedCert", "string list list int", budget=True)(
    lambda budget, name, ips, names, days: _issue(
        (name, days), _alternative_names(ips, names), _rsa(budget), None
    )
)
add("genSelfSignedCertWithKey", "string list list int string", budget=True)(
    lambda budget, name, ips, names, days, pem: _issue(
        (name, days), _alternative_names(ips, names), _given(budget, pem), None
    )
)


def _issuer(authority: Pair) -> tuple[x509.Name, PrivateKey]:
    return _certificate_of(authority.cert).subject, private_key_of(authority.key)


add("genSignedCert", "string list list int pair", budget=True)(
    lambda budget, name, ips, names, days, authority: _issue(
        (name, days), _alternative_names(ips, names), _rsa(budget), _issuer(authority)
    )
)
add("genSignedCertWithKey", "string list list int pair string", budget=True)(
    lambda budget, name, ips, names, days, authority, pem: _issue(
        (name, days), _alternative_names(ips, names), _given(budget, pem), _issuer(authority)
    )
)
