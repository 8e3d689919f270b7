"""Opens PKCS #12 files in a process of its own, whose CPU and memory are bounded.

A file says how often its password is hashed, up to 2**31 times, also in its encrypted parts.
OpenSSL cannot be interrupted meanwhile, and holds the event loop.
"""

import base64
import resource
import subprocess
import sys
from contextlib import suppress
from typing import Final, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from provider.controller.template.errors import FunctionError
from provider.runtime.cpu_usage import processes_counted

CPU_SECONDS: Final = 2
"""Its start takes half a second, a file a few milliseconds."""
MEMORY: Final = 128 << 20
PATIENCE: Final = 20.0
"""Seconds; other processes may have the CPU."""
_WRONG: Final = "unable to decode pkcs12: wrong password or malformed data"


class Opened(NamedTuple):
    """The key as PKCS #8, empty if there is none, and the certificates: its own first. All DER."""

    key: bytes
    certificates: tuple[bytes, ...]


def open_file(password: bytes, data: bytes) -> Opened:
    """What a PKCS #12 file holds. Raises FunctionError."""
    command = [sys.executable, "-I", "-m", __name__, str(CPU_SECONDS)]
    given = base64.b64encode(password) + b"\n" + data
    try:
        with processes_counted():
            process = subprocess.run(  # noqa: S603 (no text of a tenant is in it)
                command, input=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                timeout=PATIENCE, check=False, env={},
            )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        raise FunctionError("unable to decode pkcs12: the system is too busy") from None
    if process.returncode < 0:
        raise FunctionError(f"unable to decode pkcs12: it takes over {CPU_SECONDS} s of CPU")
    if process.returncode:
        raise FunctionError(_WRONG)
    key, *certificates = map(base64.b64decode, process.stdout.split(b"\n"))
    return Opened(key, tuple(certificates))


def opened(password: bytes, data: bytes) -> Opened:
    """What a PKCS #12 file holds, opened in this process. Raises FunctionError."""
    for attempt in (password, *([] if password else [None])):
        with suppress(ValueError, UnsupportedAlgorithm, TypeError):
            return _content(pkcs12.load_pkcs12(data, attempt))
    raise FunctionError(_WRONG)


def _content(found: pkcs12.PKCS12KeyAndCertificates) -> Opened:
    key = b""
    if found.key is not None:
        key = found.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    own = [found.cert, *found.additional_certs] if found.cert is not None else []
    return Opened(key, tuple(one.certificate.public_bytes(Encoding.DER) for one in own))


def main() -> int:
    """Read password and file from stdin, and write what it holds to stdout; 1 if it cannot."""
    seconds = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    encoded, _, data = sys.stdin.buffer.read().partition(b"\n")
    try:
        found = opened(base64.b64decode(encoded), data)
    except FunctionError:
        return 1
    ders = (found.key, *found.certificates)
    sys.stdout.buffer.write(b"\n".join(map(base64.b64encode, ders)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
