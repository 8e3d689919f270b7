"""External Secrets Operator's functions on PEM texts and certificates, and rsaDecrypt."""

import ipaddress
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from provider.controller.template.certificate_chain import (
    certificate_pem,
    certificates_of,
    ordered_chain,
)
from provider.controller.template.errors import FunctionError
from provider.controller.template.limits import Budget
from provider.controller.template.pem_blocks import (
    blocks,
    decode,
    encode,
    parse_certificate,
    parse_private_key,
)
from provider.controller.template.registry import Functions
from provider.controller.template.rsa_keys import USE_STEPS
from provider.controller.template.values import List, strings

TABLE = Functions()
add = TABLE.add


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


@add("filterCertChain", "string string")
def _filter_chain(kind: bytes, text: bytes) -> bytes:
    chain = ordered_chain(certificates_of(text))
    if kind == b"leaf" and not chain[0].is_root():
        return certificate_pem(chain[0].certificate)
    if kind == b"intermediate":
        out = []
        for link in chain[1:]:
            if link.is_root():
                break
            out.append(certificate_pem(link.certificate))
        return b"".join(out)
    if kind == b"root" and chain[-1].is_root():
        return certificate_pem(chain[-1].certificate)
    return b""


_HASHES: Final = {b"SHA1": hashes.SHA1, b"SHA512": hashes.SHA512}


@add("rsaDecrypt", "string string string string", budget=True)
def _rsa_decrypt(
    budget: Budget, scheme: bytes, digest: bytes, data: bytes, private_key: bytes
) -> bytes:
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
    budget.step(USE_STEPS)
    algorithm = _HASHES.get(digest, hashes.SHA256)()
    scheme_padding = padding.OAEP(padding.MGF1(algorithm), algorithm, None)
    try:
        return key.decrypt(data, scheme_padding)
    except ValueError:
        raise FunctionError("error decrypting data with RSA") from None
