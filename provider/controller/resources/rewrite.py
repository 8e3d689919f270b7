"""The keys of an ExternalSecret's `dataFrom[].rewrite`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from provider.controller.resources.table import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteRegexp:
    """Replace what a regular expression matches."""

    source: Annotated[str, Key("A regular expression (RE2).")]
    target: Annotated[
        str, Key("The replacement; $1 or ${1} are groups. Write ${1}x: $1x is a group named 1x.")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteTransform:
    """Make the new key by a template."""

    template: Annotated[str, Key("A Go template; .value is the key.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteMerge:
    """Merge values that are JSON objects."""

    into: Annotated[
        str,
        Key(
            "With the strategy JSON: the key that holds the merged object.",
            stored={"v1": "", "v1beta1": ""},
        ),
    ] = ""
    priority: Annotated[
        tuple[str, ...], Key("Keys that win a conflict, the last one above all.")
    ] = ()
    priority_policy: Annotated[
        Literal["Strict", "IgnoreNotFound"],
        Key("Strict fails if a key of priority does not exist.", stored={"v1": "Strict"}),
    ] = "Strict"
    conflict_policy: Annotated[
        Literal["Error", "Ignore"],
        Key("Error fails if two objects have the same key.", stored={"v1": "Error"}),
    ] = "Error"
    strategy: Annotated[
        Literal["Extract", "JSON"],
        Key(
            "Extract makes a key of each property; JSON one key, into, of the whole object.",
            stored={"v1": "Extract"},
        ),
    ] = "Extract"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """One change of all keys of an entry."""

    regexp: Annotated[RewriteRegexp | None, Key("Replace in each key by a regular expression.")] = (
        None
    )
    transform: Annotated[RewriteTransform | None, Key("Make each key by a template.")] = None
    merge: Annotated[
        RewriteMerge | None, Key("Merge all values, which must be JSON objects.", only_v1=True)
    ] = None

    EXTRA = {"minProperties": 1, "maxProperties": 1}  # noqa: RUF012
