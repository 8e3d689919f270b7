"""What the External Secrets Operator finds in a JSON secret for a property.

After github.com/tidwall/gjson ("Path Syntax"), as far as plain paths go: keys, indices, escapes.
"""

import json
from typing import Any

MISSING = object()


def of_property(document: Any, text: str) -> str | object:
    """The value as the operator writes it, or `MISSING`: a key with dots goes before a path."""
    found = MISSING
    if "." in text:
        found = get(document, text.replace(".", "\\."))
    if found is MISSING:
        found = get(document, text)
    return found if found is MISSING else rendered(found)


def get(document: Any, path: str) -> Any:
    """The value at a path, or `MISSING`."""
    for key, is_plain in _steps(path):
        if isinstance(document, list) and is_plain and key.isdigit() and int(key) < len(document):
            document = document[int(key)]
        elif isinstance(document, dict) and key in document:
            document = document[key]
        else:
            return MISSING
    return document


def _steps(path: str) -> list[tuple[str, bool]]:
    """Keys, and whether they are free of escapes."""
    steps, key, is_plain, escaped = [], "", True, False
    for one in path:
        if escaped:
            key, escaped = key + one, False
        elif one == "\\":
            escaped, is_plain = True, False
        elif one in ".|":
            steps.append((key, is_plain))
            key, is_plain = "", True
        else:
            key += one
    return [*steps, (key, is_plain)]


def rendered(value: Any) -> str:
    """A value as the content of a key."""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
