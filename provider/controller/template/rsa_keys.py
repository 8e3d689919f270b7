"""RSA keys that tenants write, without the long test of their primes.

OpenSSL's own test of a key takes half a second for 4096 bits and minutes for a hostile one, and
holds the event loop meanwhile. Here all is tested but whether the factors are primes. A key whose
factors are none signs wrong, which harms its owner alone.
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

MOST_BITS: Final = 8192
"""Of the modulus: one signature takes some 40 ms."""
USE_STEPS: Final = 2_000
"""Steps to count for a signature or decryption, which takes 4 ms with 2048 bits."""


def checked(key: rsa.RSAPrivateKey) -> rsa.RSAPrivateKey:
    """The key, which was loaded without any test. Raises ValueError if it is unfit."""
    numbers = key.private_numbers()
    if key.key_size > MOST_BITS:
        raise ValueError(f"more than {MOST_BITS} bits")
    if not _is_consistent(numbers):
        raise ValueError("malformed RSA key")
    return key


def private_key(numbers: rsa.RSAPrivateNumbers) -> rsa.RSAPrivateKey:
    """The key of these numbers. Raises ValueError if it is unfit."""
    return checked(numbers.private_key(unsafe_skip_rsa_key_validation=True))


def _is_consistent(numbers: rsa.RSAPrivateNumbers) -> bool:
    """Whether the numbers fit each other, and are odd where OpenSSL relies on it."""
    p, q, d = numbers.p, numbers.q, numbers.d
    e, n = numbers.public_numbers.e, numbers.public_numbers.n
    return (
        min(p, q, e) > 2
        and p % 2 == q % 2 == e % 2 == 1
        and p * q == n
        and d * e % (p - 1) == d * e % (q - 1) == 1
        and numbers.dmp1 == d % (p - 1)
        and numbers.dmq1 == d % (q - 1)
        and numbers.iqmp * q % p == 1
    )
