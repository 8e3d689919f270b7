"""The JSON objects in the driver's request."""

import json
from typing import Any

from provider.manifests.entries import Findings

_CHARACTERS = 1024 * 1024


class _RepeatedKeyError(ValueError):
    """A JSON object has a key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keyed = dict(pairs)
    if len(keyed) != len(pairs):
        raise _RepeatedKeyError
    return keyed


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def json_object(
    text: str, path: str, findings: Findings, limit: int = _CHARACTERS
) -> dict[str, Any] | None:
    """The JSON object in `text`; None and a problem, which does not quote it, if there is none."""
    if len(text) > limit:
        findings.error(path, f"is too long: {len(text)} characters, {limit} are the limit")
        return None
    try:
        value = _DECODER.decode(text)
    except _RepeatedKeyError:
        findings.error(path, "has a key twice")
        return None
    except (ValueError, RecursionError):
        findings.error(path, "is not JSON")
        return None
    if not isinstance(value, dict):
        findings.error(path, "must be a JSON object")
        return None
    return value
