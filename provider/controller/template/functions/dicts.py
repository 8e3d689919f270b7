"""sprig's functions on dictionaries. `set`, `unset` and `merge` change their first one."""

from provider.controller.template.errors import FunctionError
from provider.controller.template.functions.casts import text_of
from provider.controller.template.limits import Budget
from provider.controller.template.registry import Functions
from provider.controller.template.values import ANY, List, Map, Value, is_true, strings, type_name

TABLE = Functions()
add = TABLE.add


@add("dict", "any...", budget=True)
def _dict(budget: Budget, *values: Value) -> Map:
    result = Map({})
    for number in range(0, len(values), 2):
        has_value = number + 1 < len(values)
        result.items[text_of(values[number], budget)] = values[number + 1] if has_value else b""
    return result


@add("get", "dict string")
def _get(mapping: Map, key: bytes) -> Value:
    return mapping.items.get(key, b"")


@add("set", "dict string any", budget=True)
def _set(budget: Budget, mapping: Map, key: bytes, value: Value) -> Map:
    budget.memory(len(key) + 64)
    mapping.items[key] = value
    return mapping


@add("unset", "dict string")
def _unset(mapping: Map, key: bytes) -> Map:
    mapping.items.pop(key, None)
    return mapping


add("hasKey", "dict string")(lambda mapping, key: key in mapping.items)


@add("pluck", "string dict...")
def _pluck(key: bytes, *mappings: Map) -> List:
    return List([mapping.items[key] for mapping in mappings if key in mapping.items])


@add("keys", "dict...", budget=True)
def _keys(budget: Budget, *mappings: Map) -> List:
    count = sum(len(mapping.items) for mapping in mappings)
    budget.memory(count * 16)
    budget.step(count >> 2)
    return strings([key for mapping in mappings for key in sorted(mapping.items)])


@add("values", "dict")
def _values(mapping: Map) -> List:
    return List([mapping.items[key] for key in sorted(mapping.items)])


@add("pick", "dict string...")
def _pick(mapping: Map, *keys: bytes) -> Map:
    return Map({key: mapping.items[key] for key in keys if key in mapping.items})


@add("omit", "dict string...")
def _omit(mapping: Map, *keys: bytes) -> Map:
    omitted = frozenset(keys)
    return Map({key: value for key, value in mapping.items.items() if key not in omitted})


@add("merge mustMerge", "dict dict...", budget=True)
def _merge(budget: Budget, target: Map, *sources: Map) -> Map:
    for source in sources:
        _merge_into(target, source, budget, overwrites=False, depth=0)
    return target


@add("mergeOverwrite mustMergeOverwrite", "dict dict...", budget=True)
def _merge_overwrite(budget: Budget, target: Map, *sources: Map) -> Map:
    for source in sources:
        _merge_into(target, source, budget, overwrites=True, depth=0)
    return target


def _merge_into(target: Map, source: Map, budget: Budget, *, overwrites: bool, depth: int) -> None:
    """mergo.Merge of maps: maps inside of both are merged, else empty values are replaced."""
    budget.depth(depth)
    for key, value in list(source.items.items()):
        budget.step()
        present = target.items.get(key)
        if isinstance(present, Map) and isinstance(value, Map) and present is not value:
            _merge_into(present, value, budget, overwrites=overwrites, depth=depth + 1)
        elif value is None and not overwrites:
            continue
        elif overwrites or not is_true(present):
            budget.memory(len(key) + 64)
            target.items[key] = value


@add("deepCopy mustDeepCopy", "any", budget=True)
def _deep_copy(budget: Budget, value: Value) -> Value:
    if value is None:
        raise FunctionError("cannot copy nil")
    return deep_copy(budget, value)


def deep_copy(budget: Budget, value: Value, depth: int = 0) -> Value:
    """A copy that shares no list or dictionary with the value."""
    budget.depth(depth)
    budget.step(2)
    budget.memory(64)
    if isinstance(value, List):
        items = [deep_copy(budget, item, depth + 1) for item in value.items]
        return List(items, value.elem, value.nil)
    if isinstance(value, Map):
        copied = {key: deep_copy(budget, item, depth + 1) for key, item in value.items.items()}
        return Map(copied, value.elem)
    return value


@add("dig", "any...")
def _dig(*args: Value) -> Value:
    if len(args) < 3:
        raise FunctionError("dig needs at least three arguments")
    *path, default, value = args
    for key in path:
        if not isinstance(key, bytes):
            raise FunctionError(f"a key is {type_name(key)}, not string")
        if not isinstance(value, Map) or value.elem != ANY:
            raise FunctionError(f"cannot dig into {type_name(value)}")
        if key not in value.items:
            return default
        value = value.items[key]
    return value


@add("fail", "string")
def _fail(message: bytes) -> Value:
    raise FunctionError(message.decode("utf-8", "replace"))
