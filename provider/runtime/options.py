"""Options of a long-running command, each written once.

A field of a `Config` dataclass is an option: its name is the flag (`log_level` is `--log-level`),
and its metadata is what `--help` and the README show. The command line is parsed in `cli`,
values in `runtime.option_values`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

T = TypeVar("T")


class ConfigError(Exception):
    """An option has a wrong value; the message is one line that names the option."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `default` is text, as on the command line."""

    parse: Callable[[str], object]
    default: str
    text: str
    group: str
    env: str = ""
    """Environment variable that is used where the flag is not given."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of options; calling it makes a field of a `Config`."""

    title: str

    def __call__(self, parse: Callable[[str], T], default: str, text: str, *, env: str = "") -> T:
        about = Option(parse, default, text, self.title, env)
        made: T = field(default=parse(default), metadata={"option": about})
        return made


def options_of(config: type) -> Mapping[str, Option]:
    """Every option of a `Config` by the name of its field, those that it inherits last."""
    found = {one.name: one.metadata["option"] for one in fields(config)}
    own = [name for name in found if name in config.__annotations__]
    return {name: found[name] for name in dict.fromkeys([*own, *found])}


def flag(name: str) -> str:
    """The flag of a field: `log_level` is `--log-level`."""
    return "--" + name.replace("_", "-")


def configure(config: type[T], given: Mapping[str, str], environ: Mapping[str, str]) -> T:
    """A `Config` of texts by field name, and of the environment; raises `ConfigError`."""
    settings: dict[str, Any] = {}
    for name, about in options_of(config).items():
        if name in given:
            place, text = flag(name), given[name]
        elif about.env and about.env in environ:
            place, text = about.env, environ[about.env]
        else:
            continue
        try:
            settings[name] = about.parse(text)
        except ValueError as error:
            raise ConfigError(f'{place}: "{text[:100]}": {error}') from error
    return config(**settings)
