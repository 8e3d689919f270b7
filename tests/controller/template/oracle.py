"""Reads the rows that real Go made; see tests/controller/oracle/main.go."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROWS = Path(__file__).parents[1] / "oracle" / "rows"
DATA = Path(__file__).parents[1] / "data"


def text(value: str | Mapping[str, str]) -> bytes:
    """The bytes of a text of a row."""
    return value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])


def load(path: Path) -> dict[str, Any]:
    """A JSON file."""
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def data_of(document: Mapping[str, Any]) -> dict[str, bytes]:
    """The data that the templates of a file are rendered with."""
    return {key: text(value) for key, value in (document.get("data") or {}).items()}
