"""Go's numbers as text: strconv's ParseInt, ParseUint, ParseFloat and FormatFloat."""

import math
import re
from fractions import Fraction
from typing import Final

_INTEGER: Final = re.compile(r"([+-]?)(0[xX]|0[oO]|0[bB]|0)?([0-9a-zA-Z_]*)")
_DIGITS: Final = r"[0-9]+(?:_[0-9]+)*"
_DECIMAL: Final = re.compile(
    rf"[+-]?(?:{_DIGITS}\.?(?:{_DIGITS})?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?"
)
_HEXADECIMAL: Final = re.compile(
    rf"([+-]?)0[xX](_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)?(?:\.([0-9a-fA-F]*))?"
    rf"[pP]([+-]?{_DIGITS})"
)
_SPECIAL: Final = re.compile(r"(?i:([+-]?)inf(?:inity)?|nan)")
_BASES: Final = {"x": 16, "o": 8, "b": 2, "": 8}
_UNDERSCORES: Final = re.compile(r"_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*")


def parse_int(text: str, base: int, bits: int = 64) -> int | None:
    """strconv.ParseInt, or None where it fails. Base 0 takes the base from the prefix."""
    number = _parse(text, base)
    limit = 1 << (bits - 1)
    return number if number is not None and -limit <= number < limit else None


def nearest_int(text: str) -> int:
    """strconv.ParseInt(text, 10, 64) whose error is ignored: the limit if out of range, else 0."""
    number = parse_int(text, 10)
    if number is not None:
        return number
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdecimal()):
        return 0
    return -(1 << 63) if text[0] == "-" else (1 << 63) - 1


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
        base = _BASES[prefix[1:].lower()] if prefix else 10
        digits = _without_underscores(prefix, digits)
    else:
        digits = prefix + digits if len(prefix) < 2 else ""
    try:
        number = int(digits, base) if "_" not in digits else None
    except ValueError:
        return None
    return -number if number is not None and sign == "-" else number


def _without_underscores(prefix: str, digits: str) -> str:
    """The digits behind a prefix; empty where an underscore is not between two of them."""
    if prefix == "0" and not digits:
        return "0"
    if not _UNDERSCORES.fullmatch(digits) or (not prefix and digits.startswith("_")):
        return ""
    return digits.replace("_", "")


def parse_float(text: str) -> float | None:
    """strconv.ParseFloat, or None where it fails. Too large a number fails."""
    if not text.isascii() or len(text) > 2000:
        return None
    if special := _SPECIAL.fullmatch(text):
        return _special(special)
    if match := _HEXADECIMAL.fullmatch(text):
        return _hexadecimal(match)
    if not _DECIMAL.fullmatch(text):
        return None
    number = float(text)
    return None if math.isinf(number) else number


def _special(match: re.Match[str]) -> float:
    if match.group(1) is None:
        return math.nan
    return -math.inf if match.group(1) == "-" else math.inf


def _hexadecimal(match: re.Match[str]) -> float | None:
    sign, whole, fraction, exponent = match.groups()
    if len(exponent) > 6 or not (whole or fraction):
        return None
    digits = f"{sign}0x{whole or '0'}.{fraction or '0'}p{exponent}"
    try:
        return float.fromhex(digits.replace("_", ""))
    except (OverflowError, ValueError):
        return None


def format_float(number: float, verb: str, precision: int = -1) -> str:
    """strconv.FormatFloat. Precision -1 is the shortest."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    if verb in "bxX":
        return _binary(number) if verb == "b" else _hexadecimal_text(number, verb, precision)
    if verb in "eEf" and precision >= 0:
        return f"{number:.{precision}{verb}}"
    if verb in "gG" and precision >= 0:
        return _general(number, verb, max(precision, 1))
    sign, digits, point = shortest(number)
    if verb in "gG":
        verb = "f" if -4 <= point - 1 < 6 else ("e" if verb == "g" else "E")
    return sign + (_scientific(digits, point, verb) if verb in "eE" else plain(digits, point))


def _binary(number: float) -> str:
    mantissa, exponent = math.frexp(number)
    exponent = max(exponent - 53, -1074) if number else -1074
    return f"{int(math.ldexp(mantissa, math.frexp(number)[1] - exponent))}p{exponent:+d}"


def _hexadecimal_text(number: float, verb: str, precision: int) -> str:
    sign = "-" if math.copysign(1, number) < 0 else ""
    mantissa, exponent = math.frexp(abs(number))
    bits = int(math.ldexp(mantissa, 53))
    exponent = exponent - 1 if number else 0
    digits = 13
    if 0 <= precision < 13:
        bits = round(Fraction(bits, 1 << 4 * (13 - precision)))
        digits = precision
        if bits >> 4 * digits > 1:
            bits, exponent = bits >> 1, exponent + 1
    fraction = f"{bits & ((1 << 4 * digits) - 1):0{digits}x}" if digits else ""
    if precision < 0:
        fraction = fraction.rstrip("0")
    fraction = fraction.ljust(precision, "0")
    text = f"0x{bits >> 4 * digits}{'.' if fraction else ''}{fraction}p{exponent:+03d}"
    return sign + (text.upper() if verb == "X" else text)


def _general(number: float, verb: str, precision: int) -> str:
    text = f"{number:.{precision - 1}e}"
    mantissa, _, exponent = text.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    digits = mantissa.lstrip("-").replace(".", "").rstrip("0") or "0"
    exponent_limit = precision
    if precision > len(digits) >= int(exponent) + 1:
        exponent_limit = len(digits)
    if -4 <= int(exponent) < exponent_limit:
        return sign + plain(digits, int(exponent) + 1)
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


def plain(digits: str, point: int) -> str:
    """Digits with a decimal point at this place relative to their start, as `shortest` gives it."""
    if point <= 0:
        return f"0.{'0' * -point}{digits}"
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"
