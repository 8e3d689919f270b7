"""A rendered template as a map of keys: `templateAs: KeysAndValues` and `literal`."""

from provider.controller.template import go_yaml
from provider.controller.template.errors import FunctionError, LimitExceeded
from provider.controller.template.limits import Budget, Limits
from provider.controller.template.unicode_text import loose, runes, tight
from provider.controller.template.values import List, Map, Value
from provider.errors import InvalidRequest


def parse_yaml_map(content: bytes, limits: Limits | None = None) -> dict[str, bytes]:
    """sigs.k8s.io/yaml into `map[string]string`: YAML 1.1, every scalar becomes a string.

    `yes` is "true", `007` is "7", null is "". Only the first document counts.
    Raises InvalidRequest with no part of a value.
    """
    budget = Budget(limits or Limits())
    try:
        document = go_yaml.parse(loose(content), budget)
    except (FunctionError, LimitExceeded, RecursionError) as error:
        raise InvalidRequest(f"error converting YAML to JSON: {error}") from None
    if document is None:
        return {}
    if not isinstance(document, Map):
        raise InvalidRequest("the template's output is no YAML map")
    return {loose(key): _text(key, value) for key, value in document.items.items()}


def _text(key: bytes, value: Value) -> bytes:
    if isinstance(value, List | Map):
        kind = "array" if isinstance(value, List) else "object"
        raise InvalidRequest(
            f"the value of key {loose(key)} is an {kind}: only strings, numbers and booleans"
        )
    if value is None:
        return b""
    return tight(runes(value)) if isinstance(value, bytes) else go_yaml.scalar_text(value)
