"""The keys of a class as tables in Markdown, for the README."""

from collections.abc import Iterator, Sequence

from provider.csi.request.keys import OBJECT_KEYS, PARAMETER_KEYS, Key


def parameters_table() -> str:
    """`spec.parameters` of a class."""
    return _table(PARAMETER_KEYS)


def objects_table() -> str:
    """The entries of `objects`, and what is in them."""
    return _table(OBJECT_KEYS)


def _table(keys: Sequence[Key]) -> str:
    lines = ["| key | meaning | default |", "|---|---|---|", *_rows(keys)]
    return "\n".join(lines) + "\n"


def _rows(keys: Sequence[Key], above: str = "") -> Iterator[str]:
    for key in keys:
        default = "**required**" if key.required else key.default
        name = f"`{above}{key.name}`"
        yield f"| {name} | {_cell(_meaning(key))} | {_cell(default)} |"
        if key.name != "objects":  # a table of its own
            inner = "[]." if key.type == "list" else "."
            yield from _rows(key.keys, f"{above}{key.name}{inner}")


def _meaning(key: Key) -> str:
    choices = [f"`{choice}`" for choice in key.choices]
    if all(choice in key.meaning for choice in choices):
        return key.meaning
    return f"{key.meaning}: {', '.join(choices)}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
