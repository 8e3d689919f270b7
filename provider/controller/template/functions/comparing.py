"""reflect.DeepEqual, and the type functions of sprig."""

from provider.controller.template.limits import Budget
from provider.controller.template.registry import Functions
from provider.controller.template.values import (
    List,
    Map,
    Value,
    is_true,
    kind_name,
    type_name,
)

TABLE = Functions()
add = TABLE.add


def deep_equal(left: Value, right: Value, budget: Budget, depth: int = 0) -> bool:
    """reflect.DeepEqual: the same types and the same contents."""
    budget.step()
    budget.depth(depth)
    if type_name(left) != type_name(right):
        return False
    if isinstance(left, List) and isinstance(right, List):
        if left is right:
            return True
        return (
            left.nil == right.nil
            and len(left.items) == len(right.items)
            and all(
                deep_equal(a, b, budget, depth + 1)
                for a, b in zip(left.items, right.items, strict=True)
            )
        )
    if isinstance(left, Map) and isinstance(right, Map):
        return left is right or (
            left.items.keys() == right.items.keys()
            and all(deep_equal(v, right.items[k], budget, depth + 1) for k, v in left.items.items())
        )
    return left == right


add("deepEqual", "any any", budget=True)(lambda budget, a, b: deep_equal(a, b, budget))
add("typeOf", "any")(lambda value: type_name(value).encode())
add("typeIs", "string any")(lambda target, value: target == type_name(value).encode())
add("typeIsLike", "string any")(
    lambda target, value: type_name(value).encode() in (target, b"*" + target)
)
add("kindOf", "any")(lambda value: kind_name(value).encode())
add("kindIs", "string any")(lambda target, value: target == kind_name(value).encode())

add("empty", "any")(lambda value: not is_true(value))
add("all", "any...")(lambda *values: all(map(is_true, values)))
add("any", "any...")(lambda *values: any(map(is_true, values)))
add("coalesce", "any...")(lambda *values: next(filter(is_true, values), None))
add("ternary", "any any bool")(lambda yes, no, test: yes if test else no)


@add("default", "any any...")
def _default(default: Value, *given: Value) -> Value:
    return given[0] if given and is_true(given[0]) else default
