"""JSON texts: strings, white space and validity, as gjson and tidwall/pretty have them."""

import json
import re
from typing import Final

_SPECIAL: Final = re.compile('[\x00-\x1f"\\\\<>&\u2028\u2029\ud800-\udfff]')
_SHORT: Final = {
    '"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t",
}  # fmt: skip
_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)|[\x00-\x20]+', re.DOTALL)


def json_string(text: str) -> str:
    """gjson's AppendJSONString."""
    return '"' + _SPECIAL.sub(_escaped, text) + '"'


def _escaped(match: re.Match[str]) -> str:
    char = match.group()
    if char in _SHORT:
        return _SHORT[char]
    return "\ufffd" if char >= "\ud800" and char <= "\udfff" else f"\\u{ord(char):04x}"


def ugly(text: str) -> str:
    """The text without white space outside of strings."""
    return _TOKEN.sub(lambda token: token.group() if token.group()[0] == '"' else "", text)


def _reject(_: str) -> None:
    raise ValueError


def is_valid(text: str) -> bool:
    """gjson.Valid."""
    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_reject)
    except (ValueError, RecursionError):
        return False
    return True
