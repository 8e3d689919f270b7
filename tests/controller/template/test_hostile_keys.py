"""Keys and PKCS #12 files whose tests would hold the event loop for minutes or hours."""

import base64
import json
import math
import random
import sys

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from provider.controller.template import TemplateError, compile_template, pkcs12_process
from provider.controller.template.pem_blocks import Block, decode, encode
from tests.controller.template.oracle import ROWS, data_of, load

DATA = data_of(load(ROWS / "pem.json"))
USES = '{{ (genCAWithKey "a" 1 .key).Cert }}'


def rendered(text: str, **data: bytes) -> bytes:
    return compile_template("k", text).render(data)


def element(tag: int, content: bytes) -> bytes:
    """A DER element."""
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8 or 1)
    head = size if len(content) < 0x80 else bytes([0x80 | len(size)]) + size
    return bytes([tag]) + head + content


def integer(number: int) -> bytes:
    return element(2, number.to_bytes(number.bit_length() // 8 + 1))


def pem(*numbers: int) -> bytes:
    """A private key of RSA: n, e, d, p, q, d mod p-1, d mod q-1, inverse of q."""
    der = element(0x30, b"".join(map(integer, (0, *numbers))))
    head, end = "-----BEGIN RSA PRIVATE KEY-----\n", "\n-----END RSA PRIVATE KEY-----\n"
    return f"{head}{base64.b64encode(der).decode()}{end}".encode()


def own_numbers() -> list[int]:
    key = load_pem_private_key(DATA["rsakey"], None)
    assert isinstance(key, rsa.RSAPrivateKey)
    found = key.private_numbers()
    public = found.public_numbers
    return [public.n, public.e, found.d, found.p, found.q, found.dmp1, found.dmq1, found.iqmp]


def test_the_numbers_of_a_key_are_read() -> None:
    assert rendered(USES, key=pem(*own_numbers())).startswith(b"-----BEGIN CERTIFICATE")


@pytest.mark.parametrize("changed", range(8), ids=["n", "e", "d", "p", "q", "dp", "dq", "qi"])
def test_a_key_whose_numbers_do_not_fit_is_refused(changed: int) -> None:
    numbers = own_numbers()
    numbers[changed] += 2
    with pytest.raises(TemplateError, match="unable to parse private key type"):
        rendered(USES, key=pem(*numbers))


@pytest.mark.parametrize("factors", [(1, 15), (2, 7), (15, 2)])
def test_a_key_with_a_factor_that_is_even_or_one_is_refused(factors: tuple[int, int]) -> None:
    p, q = factors
    with pytest.raises(TemplateError, match="unable to parse private key type"):
        rendered(USES, key=pem(p * q, 3, 1, p, q, 1, 1, 1))


def large(bits: int) -> list[int]:
    """The numbers of a key, which fit each other."""
    numbers = random.Random(1)
    half = 3 << bits // 2 - 2
    p, q = 3, 3
    while math.gcd(p, q) > 1 or 1 in (p % 3, q % 3):
        p, q = (numbers.getrandbits(bits // 2 - 2) | half | 1 for _ in range(2))
    d = pow(3, -1, (p - 1) * (q - 1))
    return [p * q, 3, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)]


def test_a_key_of_many_bits_is_refused() -> None:
    assert rendered(USES, key=pem(*large(2048)))
    with pytest.raises(TemplateError, match="unable to parse private key type"):
        rendered(USES, key=pem(*large(8194)))
    with pytest.raises(TemplateError, match="the private key has more than 8192 bytes"):
        rendered(USES, key=pem(*[1 << 9000] * 8))


@pytest.mark.parametrize(
    ("oid", "parameters"),
    [("2a8648ce380401", 3), ("2a864886f70d010301", 2), ("2a8648ce3e0201", 3)],
    ids=["dsa", "dh", "dhx"],
)
def test_a_key_whose_public_part_is_computed_is_refused(oid: str, parameters: int) -> None:
    number = random.Random(1).getrandbits(16_000) | 1 << 15_999 | 1  # OpenSSL refuses DH of it
    numbers = element(0x30, integer(number) * parameters)
    algorithm = element(0x30, element(6, bytes.fromhex(oid)) + numbers)
    der = element(0x30, integer(0) + algorithm + element(4, integer(number >> 1)))
    with pytest.raises(TemplateError, match="unable to parse private key type"):
        rendered(USES, key=encode(Block("PRIVATE KEY", der)))


def test_a_certificate_with_a_key_of_unknown_kind_is_not_packed() -> None:
    block = decode(DATA["leaf"])
    assert block is not None
    curve = element(6, bytes.fromhex("2a8648ce3d030107"))
    assert curve in block.data
    odd = encode(Block(block.kind, block.data.replace(curve, curve[:-2] + b"\x7d\x07")))
    with pytest.raises(TemplateError, match="does not fit the certificate"):
        rendered("{{ pemToPkcs12 .cert .key }}", cert=odd, key=DATA["eckey"])


def test_a_json_web_key_of_many_bits_is_refused() -> None:
    def jwk(bits: int) -> bytes:
        members = {
            name: base64.urlsafe_b64encode(one.to_bytes((one.bit_length() + 7) // 8)).decode()
            for name, one in zip(("n", "e", "d", "p", "q"), large(bits), strict=False)
        }
        return json.dumps(members | {"kty": "RSA"}).replace("=", "").encode()

    assert rendered("{{ jwkPrivateKeyPem .key }}", key=jwk(2048))
    with pytest.raises(TemplateError, match="failed to parse the JWK"):
        rendered("{{ jwkPrivateKeyPem .key }}", key=jwk(8194))


def hashed_often() -> bytes:
    """A PKCS #12 file that says that its password is hashed eight million times.

    It has no checksum, which would not fit any more.
    """
    rounds, most = 0x11170, 0x7FFFFF
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(rounds)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(b"pw")
    )
    key = load_pem_private_key(DATA["rsakey"], None)
    assert isinstance(key, rsa.RSAPrivateKey)
    file = pkcs12.serialize_key_and_certificates(None, key, None, None, encryption)
    assert integer(rounds) in file
    file = file.replace(integer(rounds), integer(most))
    content = file[4:]  # behind the tag and the length of the whole
    version_and_data = 3 + 4 + int.from_bytes(content[5:7])
    return element(0x30, content[:version_and_data])


def test_a_file_is_opened_in_a_process() -> None:
    key = load_pem_private_key(DATA["rsakey"], None)
    assert isinstance(key, rsa.RSAPrivateKey)
    file = pkcs12.serialize_key_and_certificates(
        None, key, None, None, BestAvailableEncryption(b"pw")
    )
    pkcs8 = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert rendered('{{ pkcs12keyPass "pw" .file }}', file=file) == pkcs8
    with pytest.raises(TemplateError, match="wrong password or malformed data"):
        rendered('{{ pkcs12keyPass "no" .file }}', file=file)


def test_a_file_whose_password_is_hashed_often_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pkcs12_process, "CPU_SECONDS", 1)
    with pytest.raises(TemplateError, match="unable to decode pkcs12: it takes over 1 s of CPU"):
        rendered('{{ pkcs12keyPass "pw" .file }}', file=hashed_often())


def test_a_system_without_processes_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    with pytest.raises(TemplateError, match="unable to decode pkcs12: the system is too busy"):
        rendered("{{ pkcs12key .file }}", file=b"")
