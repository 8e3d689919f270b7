"""All commands. Their modules are imported only when they are used: the start must stay fast."""

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

DEFAULT = "serve"


class Command(NamedTuple):
    """A sub-command.

    Its module has `add_options(parser)`, which also sets usage and description, and
    `run(options)`, which returns the exit code.
    """

    summary: str
    module_name: str

    def load(self) -> ModuleType:
        return import_module(self.module_name)


COMMANDS: Mapping[str, Command] = {
    "serve": Command(
        "run the daemon that answers the driver's mounts (the default)", "provider.cli.serve"
    ),
    "controller": Command(
        "make Kubernetes Secrets from External Secrets resources", "provider.cli.controller"
    ),
    "health": Command("ask a running daemon whether it answers", "provider.tools.health"),
    "mount": Command("write the files of a class into a folder", "provider.tools.mount.command"),
    "validate": Command(
        "report every mistake in classes and External Secrets resources",
        "provider.tools.validate.command",
    ),
    "render": Command(
        "show the Secret that an ExternalSecret gives", "provider.tools.render.command"
    ),
    "explain": Command(
        "show identity, calls and results of a class or ExternalSecret",
        "provider.tools.explain.command",
    ),
    "iam-policy": Command(
        "print the IAM policy that classes and stores need", "provider.tools.iam_policy.command"
    ),
    "convert": Command(
        "convert External Secrets resources to classes, or classes to them",
        "provider.tools.convert.command",
    ),
    "preflight": Command(
        "say what would differ from External Secrets Operator in a cluster",
        "provider.tools.preflight.command",
    ),
    "status": Command(
        "show the mounts of this node, or what the controller works on",
        "provider.tools.status.command",
    ),
    "schema": Command(
        "print a JSON schema of classes and resources, for editors", "provider.tools.schema"
    ),
    "completion": Command("print a shell completion script", "provider.cli.completion"),
    "version": Command("print the version", "provider.cli.version"),
}
