"""`jsonKeys`: the top-level keys of a JSON secret that become files, or one file of a format.

The names come from the secret, which others may write than those who wrote the class, so they are
hostile: every rule for file names holds for them, and none is bent into shape.
"""

from collections.abc import Mapping
from typing import Any

from provider.engine.content.json_document import describe, render
from provider.errors import KeyNotFound, SecretUnusable
from provider.csi.request.model import KeyChoice
from provider.csi.request.paths import fault_in, translate
from provider.manifests.problems import quote

_SHOWN_FAULTS = 5


def choose(choice: KeyChoice, document: Any) -> dict[str, Any]:
    """The chosen keys with their values, in the document's order.

    `null` is no value: a glob passes over it. Raises `KeyNotFound` for a listed name without one,
    `SecretUnusable` where the document has no keys at all.
    """
    if not isinstance(document, dict):
        raise SecretUnusable(f"jsonKeys: {describe(document)}")
    missing = [
        quote(pattern.text)
        for pattern in choice.patterns
        if pattern.glob is None and document.get(pattern.text) is None
    ]
    if missing:
        raise KeyNotFound(
            f"jsonKeys {_first(missing)}: there is nothing, or null; {describe(document)}"
        )
    return {
        key: value
        for key, value in document.items()
        if value is not None and any(pattern.matches(key) for pattern in choice.patterns)
    }


def files_of(choice: KeyChoice, chosen: Mapping[str, Any]) -> list[tuple[str, str, bytes]]:
    """(key, file, content) of each chosen key; `SecretUnusable` if any of them can be no file."""
    files: list[tuple[str, str, bytes]] = []
    faults: list[str] = []
    for key, value in chosen.items():
        file = translate(choice.prefix + key, choice.separator)
        if fault := _fault_in_key(key) or fault_in(file):
            faults.append(f"the {choice.noun} {quote(key, 64)} {fault}")
        else:
            files.append((key, file, _content(key, value)))
    if faults:
        raise SecretUnusable(f"{_first(faults, '; ')}. Rename it, or leave it out of the choice.")
    return files


def formatted(choice: KeyChoice, chosen: Mapping[str, Any]) -> bytes:
    """The one file of all chosen keys; `SecretUnusable` for what the format cannot hold."""
    if choice.format is None:
        raise ValueError("a file for each key is wanted")
    from provider.engine.content.formats import write  # noqa: PLC0415 - few classes need it

    try:
        return write(choice.format, chosen, {key: _content(key, chosen[key]) for key in chosen})
    except SecretUnusable as error:
        raise SecretUnusable(f"format {choice.format}: {error}") from None


def _content(key: str, value: Any) -> bytes:
    try:
        return render(value)
    except UnicodeEncodeError:
        why = "is not valid Unicode"
    except RecursionError:
        why = "is nested too deep"
    raise SecretUnusable(f"jsonKeys: the value of {quote(key, 64)} {why}")


def _fault_in_key(key: str) -> str | None:
    """What makes a key no name, whatever translation would make of it."""
    if not key:
        return "is empty"
    if key.startswith("/"):
        return "begins with /"
    return 'has the element ".."' if ".." in key.split("/") else None


def _first(texts: list[str], separator: str = ", ") -> str:
    more = len(texts) - _SHOWN_FAULTS
    shown = separator.join(texts[:_SHOWN_FAULTS])
    return shown + (f"{separator}and {more} more" if more > 0 else "")
