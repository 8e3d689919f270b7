"""JMESPath expressions as properties of External Secrets, which are gjson paths.

Only paths of keys and indices have an equivalent.
"""

import json
import re

_STEP = re.compile(
    r"""(?P<plain>[A-Za-z_][A-Za-z0-9_]*)|(?P<quoted>"(?:[^"\\]|\\.)*")|\[(?P<index>[0-9]{1,9})\]"""
)
_SPECIAL = re.compile(r"([.|#@*?!{}\[\]()\\:,\"=<>%~$^])")


def gjson_path(expression: str) -> str | None:
    """The gjson path with the same value; None if there is none."""
    steps: list[str] = []
    at = 0
    while at < len(expression):
        if steps and expression[at] == ".":
            at += 1
        elif steps and expression[at] != "[":
            return None
        found = _STEP.match(expression, at)
        if found is None:
            return None
        step = _key(found)
        if not step:
            return None
        steps.append(step)
        at = found.end()
    return ".".join(steps) or None


def gjson_key(key: str) -> str:
    """The gjson path of one key, whatever characters it has."""
    return _SPECIAL.sub(r"\\\1", key)


def _key(found: re.Match[str]) -> str | None:
    if found["index"] is not None:
        return found["index"]
    if found["plain"] is not None:
        return found["plain"]
    try:
        return gjson_key(json.loads(found["quoted"]))
    except ValueError:
        return None
