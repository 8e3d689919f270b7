"""Chooses the top-level keys of a JSON secret that become files, or one file of a format.

A secret may have another author than the class, so its keys are hostile input: every rule for file
names is applied, and no name is changed to fit.
"""

from collections.abc import Mapping
from typing import Any

from provider.csi.request.model import KeyChoice, is_glob
from provider.csi.request.paths import fault_in, translate
from provider.engine.content.budget import Budget, TooCostly
from provider.engine.content.formats import Format, write
from provider.engine.content.json_document import describe, render
from provider.errors import KeyNotFound, OutOfTime, SecretUnusable
from provider.manifests.problems import quote, some_of

_GLOB_WORK_A_STEP = 64
"""Characters of a glob times characters of a key that are compared in less than a microsecond. The
comparison holds all threads, and an expression of few characters can be slow on a long key."""


def choose(choice: KeyChoice, document: Any, budget: Budget) -> dict[str, Any]:
    """The chosen keys with their values, in the order of the document.

    `null` is no value: a glob does not choose it. Raises `KeyNotFound` for a listed name without a
    value, `SecretUnusable` if the document has no keys at all, and as `Budget.spend` does.
    """
    if not isinstance(document, dict):
        raise SecretUnusable(f"jsonKeys: {describe(document)}")
    wanted = set(choice.patterns)
    names = [text for text in choice.patterns if not is_glob(text)]
    if missing := [quote(name) for name in names if document.get(name) is None]:
        what = f"jsonKeys {some_of(missing)}"
        raise KeyNotFound(f"{what}: there is nothing, or null; {describe(document)}")
    glob_work = sum(map(len, document)) * sum(map(len, filter(is_glob, choice.patterns)))
    try:
        budget.spend(len(document) * (4 + len(choice.globs)) + glob_work // _GLOB_WORK_A_STEP)
    except (TooCostly, OutOfTime) as error:
        raise error.in_context("jsonKeys") from None
    return {
        key: value
        for key, value in document.items()
        # The name of a key may look like a glob.
        if value is not None and (key in wanted or any(glob.match(key) for glob in choice.globs))
    }


def files_of(choice: KeyChoice, chosen: Mapping[str, Any]) -> list[tuple[str, str, bytes]]:
    """(key, file, content) of each chosen key; `SecretUnusable` if any cannot be a file."""
    files: list[tuple[str, str, bytes]] = []
    faults: list[str] = []
    for key, value in chosen.items():
        file = translate(choice.prefix + key, choice.separator)
        if fault := _fault_in_key(key) or fault_in(file):
            faults.append(f"the {choice.noun} {quote(key, 64)} {fault}")
        else:
            files.append((key, file, _content(key, value)))
    if faults:
        raise SecretUnusable(
            f"{some_of(faults, separator='; ')}. Rename it, or leave it out of the choice."
        )
    return files


def formatted(kind: Format, chosen: Mapping[str, Any]) -> bytes:
    """The one file of all chosen keys; `SecretUnusable` if the format cannot hold them."""
    try:
        return write(kind, chosen, {key: _content(key, chosen[key]) for key in chosen})
    except SecretUnusable as error:
        raise error.in_context(f"format {kind}") from None


def _content(key: str, value: Any) -> bytes:
    try:
        return render(value)
    except UnicodeEncodeError:
        why = "is not valid Unicode"
    except RecursionError:
        why = "is nested too deep"
    raise SecretUnusable(f"jsonKeys: the value of {quote(key, 64)} {why}")


def _fault_in_key(key: str) -> str | None:
    """Why a key is refused as a name even if its translation is valid; None: it is not."""
    if not key:
        return "is empty"
    if key.startswith("/"):
        return "begins with /"
    return 'has the element ".."' if ".." in key.split("/") else None
