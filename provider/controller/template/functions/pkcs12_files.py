"""External Secrets Operator's functions on PKCS #12 files."""

import base64
from contextlib import suppress
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from provider.controller.template.certificate_chain import (
    certificate_pem,
    certificates_of,
    ordered_chain,
)
from provider.controller.template.errors import FunctionError
from provider.controller.template.limits import Budget
from provider.controller.template.pem_blocks import (
    Block,
    decode,
    encode,
    parse_certificate,
    parse_private_key,
    pkcs8,
)
from provider.controller.template.pkcs12_process import Opened, open_file
from provider.controller.template.registry import Functions

TABLE = Functions()
add = TABLE.add

_PKCS12_STEPS: Final = 2_000
_PROCESS_STEPS: Final = 100_000


def _opened(budget: Budget, password: bytes, data: bytes) -> Opened:
    budget.step(_PROCESS_STEPS)
    return open_file(password, data)


@add("pkcs12keyPass", "string string", budget=True)
def _key_pass(budget: Budget, password: bytes, data: bytes) -> bytes:
    key = _opened(budget, password, data).key
    if not key:
        raise FunctionError("unable to decode pkcs12: no private key")
    return encode(Block("PRIVATE KEY", pkcs8(parse_private_key(key))))


@add("pkcs12certPass", "string string", budget=True)
def _cert_pass(budget: Budget, password: bytes, data: bytes) -> bytes:
    certificates = [parse_certificate(one) for one in _opened(budget, password, data).certificates]
    if not certificates:
        raise FunctionError("unable to decode pkcs12 certificate: certificate missing")
    with suppress(FunctionError):  # not one chain: in the order of the file
        certificates = [link.certificate for link in ordered_chain(certificates)]
    return b"".join(map(certificate_pem, certificates))


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
    except (ValueError, TypeError, UnsupportedAlgorithm):
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
    certificates = certificates_of(text)
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
