"""Which field manager set which field, as the API server notes it in `metadata.managedFields`.

Nearly as it does: lists are one field here, and only `Update` is known.
"""

from collections.abc import Iterator
from typing import Any

Path = tuple[str, ...]
_NOT_OURS = {
    ("apiVersion",),
    ("kind",),
    *(
        ("metadata", name)
        for name in (
            "creationTimestamp",
            "deletionGracePeriodSeconds",
            "deletionTimestamp",
            "generation",
            "managedFields",
            "name",
            "namespace",
            "resourceVersion",
            "uid",
        )
    ),
}


def update(
    old: dict[str, Any], new: dict[str, Any], manager: str, subresource: str, now: str
) -> list[dict[str, Any]]:
    """The entries after `manager` has made `new` of `old`; unchanged fields keep their manager."""
    before, after = dict(_leaves(old, ())), dict(_leaves(new, ()))
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    entries = []
    mine: set[Path] = set(changed)
    for entry in old.get("metadata", {}).get("managedFields", ()):
        kept = {path for path in _paths(entry["fieldsV1"], ()) if path in after} - changed
        if (entry["manager"], entry.get("subresource", "")) == (manager, subresource):
            mine |= kept
        elif kept:
            entries.append({**entry, "fieldsV1": _nested(kept)})
    if mine:
        entry = {
            "manager": manager,
            "operation": "Update",
            "apiVersion": new.get("apiVersion", "v1"),
            "time": now,
            "fieldsType": "FieldsV1",
            "fieldsV1": _nested(mine),
        }
        entries.append({**entry, "subresource": subresource} if subresource else entry)
    return entries


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if path in _NOT_OURS:
        return
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _leaves(part, (*path, key))
    elif path:
        yield path, value


def _paths(fields: dict[str, Any], path: Path) -> Iterator[Path]:
    for key, part in fields.items():
        if key.startswith("f:"):
            below = (*path, key[2:])
            if any(name.startswith("f:") for name in part):
                yield from _paths(part, below)
            else:
                yield below


def _nested(paths: set[Path]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for path in sorted(paths):
        node = root
        for key in path:
            node = node.setdefault(f"f:{key}", {})
    return root
