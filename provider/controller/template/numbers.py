"""Go's numbers as text: strconv's ParseInt, ParseUint, ParseFloat and FormatFloat."""

import math
import re
from typing import Final

_INTEGER: Final = re.compile(r"([+-]?)(0[xX]|0[oO]|0[bB]|0)?([0-9a-zA-Z_]*)")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HEXADECIMAL: Final = re.compile(
    r"([+-]?)0[xX]([0-9a-fA-F_]*)(?:\.([0-9a-fA-F_]*))?[pP]([+-]?[0-9]+)"
)
_SPECIAL: Final = re.compile(r"(?i:([+-]?)inf(?:inity)?|nan)")
_BASES: Final = {"x": 16, "o": 8, "b": 2, "": 8}
_UNDERSCORES: Final = re.compile(r"_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*")


def parse_int(text: str, base: int, bits: int = 64) -> int | None:
    """strconv.ParseInt, or None where it fails. Base 0 takes the base from the prefix."""
    number = _parse(text, base)
    limit = 1 << (bits - 1)
    return number if number is not None and -limit <= number < limit else None


def parse_uint(text: str, base: int) -> int | None:
    """strconv.ParseUint of 64 bits, or None where it fails."""
    number = _parse(text, base) if text[:1] not in ("+", "-") else None
    return number if number is not None and number < 1 << 64 else None


def _parse(text: str, base: int) -> int | None:
    if not text.isascii() or len(text) > 400:
        return None
    match = _INTEGER.fullmatch(text)
    if not match:
        return None
    sign, prefix, digits = match.group(1), match.group(2) or "", match.group(3)
    if base == 0:
        if prefix == "0" and not digits:
            return 0
        base = _BASES[prefix[1:].lower()] if prefix else 10
        if not _UNDERSCORES.fullmatch(digits) or (not prefix and digits.startswith("_")):
            return None
        digits = digits.replace("_", "")
    else:
        digits = prefix + digits
    if not digits or "_" in digits:
        return None
    try:
        number = int(digits, base)
    except ValueError:
        return None
    return -number if sign == "-" else number


def parse_float(text: str) -> float | None:
    """strconv.ParseFloat, or None where it fails. Too large a number fails."""
    if not text.isascii() or len(text) > 2000:
        return None
    if special := _SPECIAL.fullmatch(text):
        return math.nan if text[-1] in "nN" and "i" not in text.lower() else _infinity(special)
    plain = text
    if match := _HEXADECIMAL.fullmatch(text):
        return _hexadecimal(match)
    if not _DECIMAL.fullmatch(plain):
        return None
    number = float(plain)
    return None if math.isinf(number) else number


def _infinity(match: re.Match[str]) -> float:
    return -math.inf if match.group(1) == "-" else math.inf


def _hexadecimal(match: re.Match[str]) -> float | None:
    sign, whole, fraction, exponent = match.groups()
    if len(exponent) > 6 or not (whole or fraction) or "_" in f"{whole}{fraction}":
        return None
    try:
        return float.fromhex(f"{sign}0x{whole or '0'}.{fraction or '0'}p{exponent}")
    except (OverflowError, ValueError):
        return None


def format_float(number: float, verb: str, precision: int = -1) -> str:
    """strconv.FormatFloat for the verbs e, E, f, g and G. Precision -1 is the shortest."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    if verb in "eEf" and precision >= 0:
        return f"{number:.{precision}{verb}}"
    if verb in "gG" and precision >= 0:
        return _general(number, verb, max(precision, 1))
    sign, digits, point = shortest(number)
    if verb in "gG":
        verb = "f" if -4 <= point - 1 < 6 else ("e" if verb == "g" else "E")
    return sign + (_scientific(digits, point, verb) if verb in "eE" else _plain(digits, point))


def _general(number: float, verb: str, precision: int) -> str:
    text = f"{number:.{precision - 1}e}"
    mantissa, _, exponent = text.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    digits = mantissa.lstrip("-").replace(".", "").rstrip("0") or "0"
    exponent_limit = precision
    if precision > len(digits) >= int(exponent) + 1:
        exponent_limit = len(digits)
    if -4 <= int(exponent) < exponent_limit:
        return sign + _plain(digits, int(exponent) + 1)
    return sign + _scientific(digits, int(exponent) + 1, "e" if verb == "g" else "E")


def shortest(number: float) -> tuple[str, str, int]:
    """Sign, shortest digits, and the place of the decimal point relative to their start."""
    mantissa, _, exponent = repr(number).partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    return (sign, digits, point) if digits else (sign, "0", 1)


def _scientific(digits: str, point: int, letter: str) -> str:
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    exponent = point - 1
    return f"{digits[0]}{fraction}{letter}{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _plain(digits: str, point: int) -> str:
    if point <= 0:
        return f"0.{'0' * -point}{digits}"
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"
