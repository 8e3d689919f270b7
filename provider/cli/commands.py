"""Every command by its name, for who runs, lists or completes them. Nothing is imported by it."""

from collections.abc import Mapping
from dataclasses import dataclass

PROGRAM = "secrets-provider-aws"


@dataclass(frozen=True, slots=True)
class Command:
    """A sub-command, by names written as `module:function`."""

    summary: str
    run: str
    """Turns arguments into an exit code."""
    parser: str = ""
    """Makes the parser of its options, for shell completion."""


def _command(summary: str, module: str, options: str = "") -> Command:
    """A command whose module is imported when it is asked for."""
    return Command(
        summary, f"provider.tools.{module}:run", f"provider.tools.{options or module}:parser"
    )


COMMANDS: Mapping[str, Command] = {
    "serve": Command("answer the driver's mounts; the default", "provider.cli.main:serve"),
    "mount": _command("write what a pod would get into a folder", "mount", "mount_options"),
    "validate": _command("say what is wrong with classes", "validate"),
    "explain": _command("say what mounting a class comes to", "explain"),
    "iam-policy": _command("print the IAM policy for classes", "iam_policy", "iam_policy_options"),
    "convert": _command(
        "make classes of the External Secrets Operator's manifests", "convert", "convert_options"
    ),
    "status": _command("show the live mounts of this node", "status"),
    "schema": _command("print a JSON schema of classes", "schema"),
    "completion": _command("print a script that completes this command", "completion"),
    "version": Command("print the version", "provider.cli.main:version"),
}
