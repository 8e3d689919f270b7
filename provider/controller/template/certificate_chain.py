"""Orders the certificates of a chain by their key identifiers. It verifies nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from provider.controller.template.errors import FunctionError
from provider.controller.template.pem_blocks import Block, blocks, encode, parse_certificate


@dataclass(frozen=True, slots=True)
class Link:
    """A certificate and its key identifiers, which order the chain. None and empty are equal."""

    certificate: x509.Certificate
    authority: bytes | None
    subject: bytes | None

    def is_root(self) -> bool:
        """Whether the certificate is signed by its own key, or does not name the key."""
        return self.authority is None or self.authority == (self.subject or b"")


def _link(certificate: x509.Certificate) -> Link:
    authority = subject = None
    try:
        for extension in certificate.extensions:
            if isinstance(extension.value, x509.AuthorityKeyIdentifier):
                authority = extension.value.key_identifier
            elif isinstance(extension.value, x509.SubjectKeyIdentifier):
                subject = extension.value.digest
    except ValueError:
        raise FunctionError("x509: malformed extension") from None
    return Link(certificate, authority, subject)


def ordered_chain(certificates: Sequence[x509.Certificate]) -> list[Link]:
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
    chain: list[Link] = []
    at: int | None = leaves[0]
    while at is not None:
        if len(chain) == len(links):
            raise FunctionError("constructing chain resulted in cycle")
        chain.append(links[at])
        at = parents.get(at)
    return chain


_MOST_CERTIFICATES: Final = 300


def certificates_of(text: bytes) -> list[x509.Certificate]:
    """Every certificate of a PEM text. Raises FunctionError."""
    found: list[x509.Certificate] = []
    for block in blocks(text):
        if len(found) == _MOST_CERTIFICATES:
            raise FunctionError(f"more than {_MOST_CERTIFICATES} certificates")
        found.append(parse_certificate(block.data))
    return found


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """The certificate as PEM."""
    return encode(Block("CERTIFICATE", certificate.public_bytes(Encoding.DER)))
