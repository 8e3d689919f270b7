"""A rendered template as a map of keys: `templateAs: KeysAndValues` and `literal`."""

from collections.abc import Callable

from provider.controller.template import go_yaml
from provider.controller.template.errors import FunctionError, LimitExceeded
from provider.controller.template.limits import Budget, Expired, Limits
from provider.controller.template.unicode_text import from_utf8, runes, to_utf8
from provider.controller.template.values import List, Map, Value
from provider.errors import InvalidRequest
from provider.manifests.problems import quote


def parse_yaml_map(
    content: bytes,
    limits: Limits | None = None,
    *,
    expired: Expired | None = None,
    shown: Callable[[str], str] = quote,
) -> dict[str, bytes]:
    """sigs.k8s.io/yaml into `map[string]string`: YAML 1.1, every scalar becomes a string.

    `yes` is "true", `007` is "7", null is "". Only the first document counts. `expired` returns
    whether the time is over, `shown` a key as errors may show it: it may be made of a secret.
    Raises InvalidRequest with no part of a value.
    """
    budget = Budget(limits or Limits(), expired)
    try:
        document = go_yaml.parse(from_utf8(content), budget)
        return _texts(document, shown, budget)
    except (FunctionError, LimitExceeded, RecursionError) as error:
        raise InvalidRequest(f"error converting YAML to JSON: {error}") from None


def _texts(document: Value, shown: Callable[[str], str], budget: Budget) -> dict[str, bytes]:
    if document is None:
        return {}
    if not isinstance(document, Map):
        raise InvalidRequest("the template's output is not a YAML map")
    texts: dict[str, bytes] = {}
    for name, value in document.items.items():
        key = from_utf8(name)
        # An alias repeats a value of any size with three characters.
        budget.memory(len(value) if isinstance(value, bytes) else 0)
        texts[key] = _text(key, value, shown)
    return texts


def _text(key: str, value: Value, shown: Callable[[str], str]) -> bytes:
    if isinstance(value, List | Map):
        kind = "array" if isinstance(value, List) else "object"
        raise InvalidRequest(
            f"the value of key {shown(key)} is an {kind}: only strings, numbers and booleans"
        )
    if value is None:
        return b""
    return to_utf8(runes(value)) if isinstance(value, bytes) else go_yaml.scalar_text(value)
