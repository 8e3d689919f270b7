"""sprig's hashes, ciphers, random values and password functions."""

import base64
import hashlib
import hmac
import secrets
import uuid
import zlib
from typing import Final

import bcrypt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from provider.controller.resources.keys import go_base64
from provider.controller.template.errors import FunctionError
from provider.controller.template.limits import Budget
from provider.controller.template.registry import Functions

TABLE = Functions()
add = TABLE.add

_BCRYPT_STEPS: Final = 25_000
_SCRYPT_STEPS: Final = 80_000

add("sha1sum", "string")(lambda data: hashlib.sha1(data).hexdigest().encode())  # noqa: S324
add("sha256sum", "string")(lambda data: hashlib.sha256(data).hexdigest().encode())
add("sha512sum", "string")(lambda data: hashlib.sha512(data).hexdigest().encode())
add("adler32sum", "string")(lambda data: b"%d" % zlib.adler32(data))
add("uuidv4")(lambda: str(uuid.uuid4()).encode())


@add("randBytes", "int", budget=True)
def _rand_bytes(budget: Budget, count: int) -> bytes:
    if count < 0:
        raise FunctionError("makeslice: len out of range")
    budget.memory(count * 2)
    return base64.b64encode(secrets.token_bytes(count))


@add("bcrypt", "string", budget=True)
def _bcrypt(budget: Budget, password: bytes) -> bytes:
    budget.step(_BCRYPT_STEPS)
    if len(password) > 72:
        return b"failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes"
    return bcrypt.hashpw(password, bcrypt.gensalt(10, prefix=b"2a"))


@add("htpasswd", "string string algorithm", budget=True)
def _htpasswd(budget: Budget, user: bytes, password: bytes, algorithm: bytes) -> bytes:
    if b":" in user:
        return b"invalid username: " + user
    if algorithm == b"sha":
        digest = hashlib.sha1(password).digest()  # noqa: S324 - the format of the file
        return user + b":{SHA}" + base64.b64encode(digest)
    return user + b":" + _bcrypt(budget, password)


def _aes(password: bytes, vector: bytes) -> Cipher[modes.CBC]:
    return Cipher(algorithms.AES(password[:32].ljust(32, b"\0")), modes.CBC(vector))


@add("encryptAES", "string string")
def _encrypt(password: bytes, text: bytes) -> bytes:
    if not text:
        return b""
    padding = 16 - len(text) % 16
    vector = secrets.token_bytes(16)
    encryptor = _aes(password, vector).encryptor()
    padded = text + bytes([padding]) * padding
    return base64.b64encode(vector + encryptor.update(padded) + encryptor.finalize())


@add("decryptAES", "string string")
def _decrypt(password: bytes, text: bytes) -> bytes:
    if not text:
        return b""
    try:
        data = go_base64(text, url=False)
    except ValueError as error:
        raise FunctionError(str(error)) from None
    if len(data) < 32 or len(data) % 16:
        raise FunctionError("crypto/cipher: input not full blocks")
    decryptor = _aes(password, data[:16]).decryptor()
    padded = decryptor.update(data[16:]) + decryptor.finalize()
    if padded[-1] > len(padded):
        raise FunctionError("slice bounds out of range")
    return padded[: len(padded) - padded[-1]]


_SEED: Final = b"com.lyndir.masterpassword"
_LONG: Final = (
    "CvcvnoCvcvCvcv CvcvCvcvnoCvcv CvcvCvcvCvcvno CvccnoCvcvCvcv CvccCvcvnoCvcv CvccCvcvCvcvno "
    "CvcvnoCvccCvcv CvcvCvccnoCvcv CvcvCvccCvcvno CvcvnoCvcvCvcc CvcvCvcvnoCvcc CvcvCvcvCvccno "
    "CvccnoCvccCvcv CvccCvccnoCvcv CvccCvccCvcvno CvcvnoCvccCvcc CvcvCvccnoCvcc CvcvCvccCvccno "
    "CvccnoCvcvCvcc CvccCvcvnoCvcc CvccCvcvCvccno"
)
_SHAPES: Final[dict[bytes, list[str]]] = {
    b"maximum": ["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
    b"long": _LONG.split(),
    b"medium": ["CvcnoCvc", "CvcCvcno"],
    b"short": ["Cvcn"],
    b"basic": ["aaanaaan", "aannaaan", "aaannaaa"],
    b"pin": ["nnnn"],
}
_CONSONANTS: Final = "BCDFGHJKLMNPQRSTVWXYZ"
_LETTERS: Final = f"AEIOUaeiou{_CONSONANTS}{_CONSONANTS.lower()}"
_CHARACTERS: Final = {
    "V": "AEIOU", "C": _CONSONANTS, "v": "aeiou", "c": _CONSONANTS.lower(), "a": _LETTERS,
    "n": "0123456789", "o": "@&%?,=[]_:-+*$#!'^~;()/.", "x": f"{_LETTERS}0123456789!@#$%^&*()",
}  # fmt: skip


@add("derivePassword", "uint32 string string string string", budget=True)
def _derive(  # noqa: PLR0913, PLR0917 - sprig's parameters
    budget: Budget, counter: int, kind: bytes, password: bytes, user: bytes, site: bytes
) -> bytes:
    shapes = _SHAPES.get(kind)
    if shapes is None:
        return b"cannot find password template " + kind
    budget.step(_SCRYPT_STEPS)
    salt = _SEED + len(user).to_bytes(4) + user
    key = hashlib.scrypt(password, salt=salt, n=32768, r=8, p=2, maxmem=1 << 27, dklen=64)
    message = _SEED + len(site).to_bytes(4) + site + int(counter).to_bytes(4)
    seed = hmac.digest(key, message, "sha256")
    shape = shapes[seed[0] % len(shapes)]
    chars = [
        _CHARACTERS[place][seed[number] % len(_CHARACTERS[place])]
        for number, place in enumerate(shape, 1)
    ]
    return "".join(chars).encode()
