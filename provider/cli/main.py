"""The command line: which command, its options, and what its exit code says.

`serve` is the default and the only command whose options are parsed here. The others live in
modules of their own, imported when they are asked for: `command_table` names them.
"""

import gc
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module

from provider import __version__, signals, syntax
from provider.cli.commands import COMMANDS, PROGRAM
from provider.csi.config import OPTIONS, Config, ConfigError, Option, configure, flag

EXIT_CODES = {
    0: "done; for serve: stopped by SIGTERM or SIGINT",
    1: "failed: stderr says why in one line",
    2: "wrong command line or environment",
}

IGNORED = frozenset(
    [
        "v",
        "vmodule",
        "logtostderr",
        "alsologtostderr",
        "stderrthreshold",
        "log_dir",
        "log_file",
        "log_file_max_size",
        "log_backtrace_at",
        "add_dir_header",
        "skip_headers",
        "skip_log_headers",
        "one_output",
        "legacy_stderr_threshold_behavior",
    ]
)
"""klog's flags, which AWS's provider has: accepted, without effect."""

IGNORED_BOOLEANS = frozenset(
    [
        "logtostderr",
        "alsologtostderr",
        "add_dir_header",
        "skip_headers",
        "skip_log_headers",
        "one_output",
        "legacy_stderr_threshold_behavior",
    ]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` name, and say how it ended."""
    arguments = sys.argv[1:] if arguments is None else arguments
    first = arguments[0] if arguments else ""
    if first == "help" and arguments[1:] and arguments[1] != "help":
        return main([arguments[1], "--help"])
    if first == "help":
        return _help()
    if first == "--version":
        first = "version"
    elif not first or first.startswith("-"):
        return serve(arguments)
    if first not in COMMANDS:
        return _usage_error(f'there is no command "{first[:100]}"')
    module, _, function = COMMANDS[first].run.partition(":")
    exit_code: int = getattr(import_module(module), function)(arguments[1:])
    return exit_code


def serve(arguments: Sequence[str]) -> int:
    """Parse the options, then be the daemon."""
    if {"-h", "--help", "-help"}.intersection(arguments):
        return _help()
    try:
        config = parse(arguments, os.environ)
    except ConfigError as error:
        return _usage_error(str(error))
    signals.hold()
    gc.disable()  # nothing of what a start makes is garbage
    # These imports cost more than all else at the start: not for a wrong flag.
    from provider import app  # noqa: PLC0415

    return app.serve(config)


def version(_arguments: Sequence[str]) -> int:
    """Print what runs here, for bug reports."""
    import platform  # noqa: PLC0415 - of use here alone

    sys.stdout.write(
        f"{PROGRAM} {__version__} (provider API v1alpha1, Python {platform.python_version()}, "
        f"{platform.system().lower()}/{platform.machine()})\n"
    )
    return 0


def _help() -> int:
    sys.stdout.write(help_text())
    return 0


def _usage_error(text: str) -> int:
    sys.stderr.write(f"{PROGRAM}: {text} (see {PROGRAM} --help)\n")
    return 2


def parse(arguments: Sequence[str], environ: Mapping[str, str]) -> Config:
    """The configuration that a command line and an environment ask for."""
    return configure(dict(_given(arguments)), environ)


def _given(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Field names and texts, by the rules of Go's flag package plus `--boolean value`.

    argparse knows neither `-long-flag` nor booleans with and without a value side by side, which
    manifests written for AWS's provider may have.
    """
    rest = list(reversed(arguments))
    while rest:
        argument = rest.pop()
        if not argument.startswith("-") or argument in ("-", "--"):
            raise ConfigError(f'unexpected argument "{argument[:100]}"')
        name, equals, text = argument.removeprefix("-").removeprefix("-").partition("=")
        kind = _kind(name)
        if not equals:
            text = _next(rest, name, is_boolean=kind is syntax.boolean)
        if kind is not None:
            yield name.replace("-", "_"), text


def _kind(name: str) -> object | None:
    """The parser of a flag's value; None for flags that are ignored, but for booleans."""
    about = OPTIONS.get(name.replace("-", "_")) if "_" not in name else None
    if about is not None:
        return about.parse
    if name in IGNORED:
        return None
    raise ConfigError(f"there is no option --{name[:100]}")


def _next(rest: list[str], name: str, *, is_boolean: bool) -> str:
    """The value of a flag that was written without `=`."""
    if is_boolean or name in IGNORED_BOOLEANS:
        return rest.pop() if rest and _is_boolean(rest[-1]) else "true"
    if not rest:
        raise ConfigError(f"--{name} needs a value")
    return rest.pop()


def _is_boolean(text: str) -> bool:
    try:
        syntax.boolean(text)
    except ValueError:
        return False
    return True


PLACEHOLDERS: Mapping[object, str] = {
    syntax.address: "HOST:PORT",
    syntax.boolean: "[BOOLEAN]",
    syntax.count: "NUMBER",
    syntax.duration: "DURATION",
    syntax.optional_duration: "DURATION",
    syntax.positive_duration: "DURATION",
    syntax.size: "BYTES",
    syntax.url: "URL",
    syntax.user_ids: "UID,…",
    syntax.whole_number: "NUMBER",
    syntax.folder: "PATH",
}


def help_text() -> str:
    """The whole of `--help`."""
    return "\n".join(_help_lines()) + "\n"


def _help_lines() -> Iterator[str]:
    yield f"usage: {PROGRAM} [COMMAND] [OPTION…]"
    yield ""
    yield "Gives pods their secrets of AWS Secrets Manager and SSM Parameter Store, as themselves,"
    yield "through the Secrets Store CSI driver."
    yield ""
    yield "Commands:"
    for name, about in COMMANDS.items():
        yield f"  {name:10} {about.summary}"
    yield f"More of a command says: {PROGRAM} help COMMAND"
    for group in dict.fromkeys(about.group for about in OPTIONS.values()):
        yield ""
        yield f"{group}:" if group != "Driver" else "Options of serve. Driver:"
        for name, option in OPTIONS.items():
            if option.group == group:
                yield from _option_lines(name, option)
    yield ""
    yield "Options are written --option=value or --option value; a single dash will do, too."
    yield "Durations are Go's (100ms, 30s, 2m, 1h30m), sizes are bytes (1048576, 16Mi). The"
    yield "flags of klog (-v=2, --logtostderr, …) are accepted without effect."
    yield ""
    yield "Exit codes:"
    for code, meaning in EXIT_CODES.items():
        yield f"  {code}  {meaning}"


def _option_lines(name: str, option: Option[object]) -> Iterator[str]:
    from textwrap import wrap  # noqa: PLC0415 - of use to --help alone

    placeholder = PLACEHOLDERS.get(option.parse, name.rpartition("_")[2].upper())
    yield f"  {flag(name)} {placeholder}" + (f"  (or ${option.env})" if option.env else "")
    default = f" [default: {option.default}]" if option.default else ""
    for line in wrap(option.text.replace("`", "") + default, 88, break_on_hyphens=False):
        yield f"      {line}"


def options_table() -> str:
    """The options as a table in Markdown, for the README."""
    lines = ["| option | default | meaning |", "|---|---|---|"]
    for name, option in OPTIONS.items():
        names = f"`{flag(name)}`" + (f", `${option.env}`" if option.env else "")
        default = f"`{option.default}`" if option.default else ""
        lines.append(f"| {names} | {default} | {option.text} |")
    return "\n".join(lines) + "\n"
