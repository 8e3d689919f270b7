"""Tables of the keys of a mapping: the type of each, its values, its meaning for the docs.

A parser reads by such a table, and docs/classes.md and the JSON schema are generated from it. What
one key may hold stands in the table; rules about several keys are the parser's.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

KeyType = Literal["text", "quoted", "boolean", "names", "list", "mapping"]
"""`text` takes plain integers as well; `quoted` insists on text; a `boolean` may be quoted; `names`
are `*` or a list of text; a `mapping` may also be given as a list of one."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its name, its meaning, its allowed values."""

    name: str
    meaning: str
    type: KeyType = "text"
    required: bool = False
    default: str = ""
    """What applies where the key is left out, in words."""
    choices: tuple[str, ...] = ()
    pattern: str = ""
    """A regular expression for the whole text, in the syntax that JSON schema shares."""
    expected: str = ""
    """The pattern in words, as they follow "must be"."""
    keys: tuple["Key", ...] = ()
    """Keys of each entry, of a list (or the text of one) or a mapping."""

    def fault_in(self, text: str) -> str | None:
        """What is wrong with this text; None: nothing."""
        if self.choices and text not in self.choices:
            return f"must be {', '.join(self.choices[:-1])} or {self.choices[-1]}"
        if self.pattern and not re.fullmatch(self.pattern, text):
            return f"must be {self.expected}"
        return None


def closest(word: str, names: Iterable[str]) -> str | None:
    """The name that `word` resembles; None if it resembles none."""
    if len(word) > 64:
        return None
    by_lower = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[close[0]] if close else None


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """A hint at the name that `word` resembles; empty if it resembles none."""
    meant = closest(word, names)
    return f"did you mean {meant}" if meant else ""


def choice_hint(text: str, choices: Iterable[str]) -> str:
    """A hint at a choice that begins with `text`, or resembles it; empty if there is none."""
    names = [*choices]
    longer = [one for one in names if len(text) > 2 and one.startswith(text)]
    return f"did you mean {longer[0]}" if longer else did_you_mean(text, names)
