"""`remoteRef.property`: a gjson path into a JSON secret, with ESO's rule for dots."""

from typing import Final

from provider.controller.gjson.path_check import PathFault, path_faults
from provider.controller.gjson.search import get
from provider.controller.template.errors import FunctionError, LimitExceeded
from provider.controller.template.limits import Budget, Expired, Limits
from provider.controller.template.unicode_text import from_utf8, to_utf8
from provider.errors import InvalidRequest

_MOST_PATH: Final = 1024  # characters
_LIMITS: Final = Limits(steps=100_000, memory_bytes=4 << 20)  # a secret has 64 KiB


def read_property(document: bytes, path: str, expired: Expired | None = None) -> bytes | None:
    """The value of a property, or None where there is none. An empty path is the whole document.

    A path with dots is first tried as one key that contains them. A string is unescaped; an
    object or array is the source's own text; null is empty. The document may be malformed.
    `expired` returns whether the time is over. Raises InvalidRequest for a path that is too long or
    too costly, or not supported.
    """
    if not path:
        return document
    if len(path) > _MOST_PATH:
        raise InvalidRequest(f"the property is longer than {_MOST_PATH} characters")
    text, budget = from_utf8(document), Budget(_LIMITS, expired)
    try:
        if "." in path:
            found = get(text, path.replace(".", "\\."), budget)
            if found.exists:
                return to_utf8(found.string())
        found = get(text, path, budget)
    except (FunctionError, LimitExceeded) as error:
        raise InvalidRequest(f"property {path}: {error}") from None
    except RecursionError:
        raise InvalidRequest(f"property {path}: nested too deeply") from None
    return to_utf8(found.string()) if found.exists else None


def property_faults(path: str) -> list[PathFault]:
    """The mistakes of a property, which is not empty."""
    if len(path) > _MOST_PATH:
        return [PathFault(f"is longer than {_MOST_PATH} characters", kind="unsupported")]
    try:
        return list(path_faults(path))
    except RecursionError:
        return [PathFault("is nested too deeply", kind="unsupported")]
