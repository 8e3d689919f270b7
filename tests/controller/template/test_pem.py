"""Functions on certificates and keys that the rows of the oracle do not have."""

import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from provider.controller.template import TemplateError, compile_template
from tests.controller.template.oracle import ROWS, data_of, load

DATA = data_of(load(ROWS / "pem.json"))


def render(text: str, **more: bytes) -> bytes:
    return compile_template("k", text).render({**DATA, **more})


def test_the_alternative_names_of_a_certificate() -> None:
    names = render("{{ certSANs .leaf | join `,` }}")
    assert names == b"a.example,10.0.0.1,fe80::1,x@y.z,spiffe://a/b"
    assert render("{{ certSANs .plain }}") == b"[]"
    assert render('{{ print "junk " .leaf | certSANs | len }}') == b"5"


@pytest.mark.parametrize("of", [".bad", ".broken", ".eckey", '""'])
def test_alternative_names_of_what_is_no_certificate(of: str) -> None:
    with pytest.raises(TemplateError, match="error calling certSANs"):
        render(f"{{{{ certSANs ({of} | toString) }}}}")


@pytest.mark.parametrize("password", [b"pw", b""])
def test_a_trust_store_has_every_certificate(password: bytes) -> None:
    text = "{{ pemTruststoreToPKCS12Pass (print .root .other) .pw | b64dec }}"
    store = pkcs12.load_pkcs12(render(text, pw=password), password or None)
    subjects = {entry.certificate.subject.rfc4514_string() for entry in store.additional_certs}
    assert subjects == {"CN=root", "CN=other"}
    assert store.key is None
    assert render("{{ pemTruststoreToPKCS12 .root | b64dec | len }}")


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [("SHA1", hashes.SHA1()), ("SHA256", hashes.SHA256()), ("SHA512", hashes.SHA512()),
     ("None", hashes.SHA256()), ("other", hashes.SHA256())],
)  # fmt: skip
def test_rsa_decrypt(name: str, algorithm: hashes.HashAlgorithm) -> None:
    key = load_pem_private_key(DATA["rsakey"], None)
    assert isinstance(key, rsa.RSAPrivateKey)
    scheme = padding.OAEP(padding.MGF1(algorithm), algorithm, None)
    sealed = key.public_key().encrypt(b"\x00secret\xff", scheme)
    text = f'{{{{ rsaDecrypt "RSA-OAEP" "{name}" .sealed .rsakey }}}}'
    assert render(text, sealed=sealed) == b"\x00secret\xff"


def test_rsa_decrypt_without_a_scheme_returns_its_input() -> None:
    assert render('{{ rsaDecrypt "None" "None" .bad "" }}') == DATA["bad"]


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ('"RSA" "SHA1" .bad .rsakey', "the decryption scheme is not supported"),
        ('"RSA-OAEP" "SHA1" .bad .bad', "failed to decode PEM block"),
        ('"RSA-OAEP" "SHA1" .bad .eckey', "could not parse RSA private key"),
        ('"RSA-OAEP" "SHA1" .bad .rsakey', "error decrypting data with RSA"),
    ],
)
def test_rsa_decrypt_says_what_is_wrong(args: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        render(f"{{{{ rsaDecrypt {args} }}}}")


def test_a_packed_key_and_chain_can_be_opened_with_the_password_only() -> None:
    packed = render('{{ fullPemToPkcs12Pass (print .leaf .inter .root) .eckey "pw" | b64dec }}')
    opened = pkcs12.load_pkcs12(packed, b"pw")
    assert opened.cert is not None
    assert opened.cert.certificate.subject.rfc4514_string() == "CN=leaf"
    assert len(opened.additional_certs) == 2
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_pkcs12(packed, b"other")


def test_generated_certificates_are_signed_by_their_authority() -> None:
    out = render(
        '{{ $ca := genCA "my-ca" 30 }}{{ $c := genSignedCert "web" (list "10.0.0.1") '
        '(list "web.example") 7 $ca }}{{ $ca.Cert }}{{ $c.Cert }}{{ $c.Key }}'
    )
    authority, certificate = x509.load_pem_x509_certificates(out)
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["web.example"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("10.0.0.1")]
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 7
    limits = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert limits.ca
    key = load_pem_private_key(out[out.index(b"-----BEGIN RSA") :], None)
    assert key.public_key() == certificate.public_key()


@pytest.mark.parametrize("kind", ["ecdsa", "ed25519"])
def test_generated_keys_can_be_used_for_certificates(kind: str) -> None:
    out = render(
        f'{{{{ $k := genPrivateKey "{kind}" }}}}'
        '{{ (genSelfSignedCertWithKey "x" nil nil 1 $k).Cert }}{{ $k }}'
    )
    (certificate,) = x509.load_pem_x509_certificates(out)
    certificate.verify_directly_issued_by(certificate)


def test_many_damaged_blocks_are_skipped_in_linear_time() -> None:
    damaged = b"-----BEGIN A-----\n" * 50_000
    with pytest.raises(TemplateError, match="found junk"):
        render('{{ filterPEM "A" .x }}', x=damaged)
    good = b"-----BEGIN A-----\nQUFB\n-----END A-----\n"
    assert render('{{ filterPEM "A" .x }}', x=damaged + good) == good


def test_keys_are_in_no_error() -> None:
    key = load_pem_private_key(DATA["eckey"], None)
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(TemplateError) as caught:
        render("{{ pemToPkcs12 .rsacrt .eckey }}", raw=der)
    assert "the private key does not fit the certificate" in str(caught.value)
