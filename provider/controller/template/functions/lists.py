"""sprig's functions on lists."""

import math

from provider.controller.template.errors import FunctionError
from provider.controller.template.functions.casts import to_int
from provider.controller.template.functions.comparing import deep_equal
from provider.controller.template.limits import Budget
from provider.controller.template.registry import Functions, items_of
from provider.controller.template.values import ANY, List, Value, is_true

TABLE = Functions()
add = TABLE.add


@add("list tuple", "any...")
def _list(*items: Value) -> List:
    return List(list(items))


@add("append push mustAppend mustPush", "any any")
def _push(value: Value, item: Value) -> List:
    return List([*items_of(value, "push on"), item])


@add("prepend mustPrepend", "any any")
def _prepend(value: Value, item: Value) -> List:
    return List([item, *items_of(value, "prepend on")])


@add("first mustFirst", "any")
def _first(value: Value) -> Value:
    items = items_of(value, "find first on")
    return items[0] if items else None


@add("last mustLast", "any")
def _last(value: Value) -> Value:
    items = items_of(value, "find last on")
    return items[-1] if items else None


@add("rest mustRest", "any")
def _rest(value: Value) -> List:
    items = items_of(value, "find rest on")
    return List(items[1:], nil=not items)


@add("initial mustInitial", "any")
def _initial(value: Value) -> List:
    items = items_of(value, "find initial on")
    return List(items[:-1], nil=not items)


@add("reverse mustReverse", "any")
def _reverse(value: Value) -> List:
    return List(items_of(value, "find reverse on")[::-1])


@add("compact mustCompact", "any")
def _compact(value: Value) -> List:
    return List([item for item in items_of(value, "compact on") if is_true(item)])


@add("uniq mustUniq", "any", budget=True)
def _uniq(budget: Budget, value: Value) -> List:
    unique: list[Value] = []
    for item in items_of(value, "find uniq on"):
        if not any(deep_equal(item, other, budget) for other in unique):
            unique.append(item)
    return List(unique)


@add("without mustWithout", "any any...", budget=True)
def _without(budget: Budget, value: Value, *omitted: Value) -> List:
    return List([
        item
        for item in items_of(value, "find without on")
        if not any(deep_equal(item, other, budget) for other in omitted)
    ])  # fmt: skip


@add("has mustHas", "any any", budget=True)
def _has(budget: Budget, needle: Value, value: Value) -> bool:
    if value is None:
        return False
    return any(deep_equal(needle, item, budget) for item in items_of(value, "find has on"))


@add("slice mustSlice", "any any...")
def _slice(value: Value, *indices: Value) -> Value:
    items = items_of(value, "slice")
    if not items:
        return None
    start = to_int(indices[0]) if indices else 0
    end = to_int(indices[1]) if len(indices) > 1 else len(items)
    if not 0 <= start <= end <= len(items):
        raise FunctionError("reflect.Value.Slice: slice index out of bounds")
    return List(items[start:end], value.elem if isinstance(value, List) else ANY)


@add("concat", "any...", budget=True)
def _concat(budget: Budget, *values: Value) -> List:
    joined: list[Value] = []
    for value in values:
        items = items_of(value, "concat")
        budget.memory(len(items) * 16)
        joined += items
    return List(joined, nil=not joined)


@add("chunk mustChunk", "int any", budget=True)
def _chunk(budget: Budget, size: int, value: Value) -> List:
    items = items_of(value, "chunk")
    count = math.floor((len(items) - 1) / size) + 1 if size else -1
    if count < 0 or (count > 0 and size < 0):
        raise FunctionError("makeslice: len out of range")
    budget.memory(count * 128)
    chunks: list[Value] = [List(items[i * size : (i + 1) * size]) for i in range(count)]
    return List(chunks, f"[]{ANY}")
