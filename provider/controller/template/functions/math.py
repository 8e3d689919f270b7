"""sprig's arithmetic: int64 that overflows like Go's, and decimals."""

import math
import random
from collections.abc import Callable
from fractions import Fraction

from provider.controller.template.errors import FunctionError
from provider.controller.template.functions.casts import to_float, to_int, to_int64
from provider.controller.template.limits import Budget
from provider.controller.template.numbers import nearest_int, parse_int
from provider.controller.template.printing import go_print
from provider.controller.template.registry import Functions
from provider.controller.template.unicode_text import from_utf8
from provider.controller.template.values import Int64, List, Value, wrapped

TABLE = Functions()
add = TABLE.add

add("int64", "any")(to_int64)
add("int", "any")(to_int)
add("float64", "any")(to_float)
add("atoi", "string")(lambda text: nearest_int(from_utf8(text)))
add("add", "any...")(lambda *values: wrapped(sum(map(to_int64, values))))
add("add1", "any")(lambda value: wrapped(to_int64(value) + 1))
add("sub", "any any")(lambda left, right: wrapped(to_int64(left) - to_int64(right)))
add("max biggest", "any any...")(lambda *values: max(map(to_int64, values)))
add("min", "any any...")(lambda *values: min(map(to_int64, values)))
add("floor", "any")(lambda value: _whole(math.floor, to_float(value)))
add("ceil", "any")(lambda value: _whole(math.ceil, to_float(value)))


def _whole(rounded: Callable[[float], int], number: float) -> float:
    return math.copysign(float(rounded(number)), number) if math.isfinite(number) else number


@add("mul", "any any...")
def _mul(first: Value, *others: Value) -> Int64:
    product = to_int64(first)
    for other in others:
        product = wrapped(product * to_int64(other))
    return product


def _divided(left: Value, right: Value) -> tuple[int, int]:
    """Quotient and remainder, truncated as in Go."""
    dividend, divisor = to_int64(left), to_int64(right)
    if divisor == 0:
        raise FunctionError("runtime error: integer divide by zero")
    quotient = abs(dividend) // abs(divisor) * (1 if (dividend < 0) == (divisor < 0) else -1)
    return quotient, dividend - quotient * divisor


add("div", "any any")(lambda left, right: wrapped(_divided(left, right)[0]))
add("mod", "any any")(lambda left, right: wrapped(_divided(left, right)[1]))


@add("randInt", "int int")
def _rand_int(low: int, high: int) -> int:
    if high <= low:
        raise FunctionError("invalid argument to Intn")
    return random.SystemRandom().randrange(low, high)


@add("maxf", "any any...")
def _maxf(*values: Value) -> float:
    numbers = [to_float(value) for value in values]
    return math.nan if any(map(math.isnan, numbers)) else max(numbers)


@add("minf", "any any...")
def _minf(*values: Value) -> float:
    numbers = [to_float(value) for value in values]
    return math.nan if any(map(math.isnan, numbers)) else min(numbers)


@add("round", "any int float...")
def _round(value: Value, places: int, *threshold: float) -> float:
    limit = threshold[0] if threshold else 0.5
    power = _power_of_ten(places)
    digit = power * to_float(value)
    if not math.isfinite(digit) or power == 0:
        return digit / power if power else math.nan
    rounded = math.ceil(digit) if math.modf(digit)[0] >= limit else math.floor(digit)
    return _whole(int, float(rounded)) / power if rounded else math.copysign(0.0, digit) / power


def _power_of_ten(places: int) -> float:
    if places > 308:
        return math.inf
    return 0.0 if places < -323 else float(f"1e{places}")


@add("toDecimal", "any", budget=True)
def _to_decimal(budget: Budget, value: Value) -> Int64:
    return Int64(parse_int(from_utf8(go_print([value], budget)), 8) or 0)


def _steps(budget: Budget, start: int, stop: int, step: int) -> range:
    """The numbers of the loop in sprig's untilStep."""
    if (stop < start and step >= 0) or (stop >= start and step <= 0):
        return range(0)
    numbers = range(start, stop, step)
    length = max(0, (stop - start + step - (1 if step > 0 else -1)) // step)
    budget.memory(length * 64)
    budget.step(length >> 3)
    return numbers


def _ints(numbers: range) -> List:
    return List(list(numbers), "int")


add("untilStep", "int int int", budget=True)(lambda *args: _ints(_steps(*args)))
add("until", "int", budget=True)(
    lambda budget, count: _ints(_steps(budget, 0, count, -1 if count < 0 else 1))
)


@add("seq", "int...", budget=True)
def _seq(budget: Budget, *params: int) -> bytes:
    if not 1 <= len(params) <= 3:
        return b""
    start, end = (1, params[0]) if len(params) == 1 else (params[0], params[-1])
    direction = -1 if end < start else 1
    step = params[1] if len(params) == 3 else direction
    if len(params) == 3 and end < start and step > 0:
        return b""
    return b" ".join(b"%d" % number for number in _steps(budget, start, end + direction, step))


_Operation = Callable[[Fraction, Fraction], Fraction]


def _decimal(value: Value) -> Fraction:
    number = to_float(value)
    if not math.isfinite(number):
        raise FunctionError("cannot create a Decimal from NaN or Inf")
    return Fraction(repr(number))


def _fold(budget: Budget, operation: _Operation, first: Value, *others: Value) -> float:
    result = _decimal(first)
    for other in others:
        budget.step(10 + result.numerator.bit_length() // 64 + result.denominator.bit_length())
        result = operation(result, _decimal(other))
    try:
        return float(result)
    except OverflowError:
        return math.inf if result > 0 else -math.inf


def _quotient(left: Fraction, right: Fraction) -> Fraction:
    """shopspring/decimal's Div: 16 decimal places, rounded half away from zero."""
    if right == 0:
        raise FunctionError("decimal division by 0")
    scaled = abs(left / right) * 10**16
    sign = 1 if (left < 0) == (right < 0) else -1
    return Fraction(sign * math.floor(scaled + Fraction(1, 2)), 10**16)


def _arithmetic(operation: _Operation) -> Callable[..., float]:
    return lambda budget, *values: _fold(budget, operation, *values)


add("subf", "any any...", budget=True)(_arithmetic(lambda a, b: a - b))
add("mulf", "any any...", budget=True)(_arithmetic(lambda a, b: a * b))
add("divf", "any any...", budget=True)(_arithmetic(_quotient))
add("add1f", "any", budget=True)(lambda budget, value: _fold(budget, Fraction.__add__, value, 1))
add("addf", "any...", budget=True)(
    lambda budget, *values: _fold(budget, Fraction.__add__, 0, *values)
)
