"""Prints the Secret that the controller would write for an ExternalSecret."""

import argparse
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from provider.tools.arguments import (
    REPEATED,
    AddArgument,
    Delimiters,
    Parser,
    UsageError,
    add_delimiters,
    add_manifests,
    complete_files,
    duration,
    object_name,
    pair,
    paragraph,
    region,
)

__all__ = ["add_options", "run"]


def run(namespace: Namespace) -> int:
    """Render, and print the Secret or the template's output."""
    options = checked(namespace)
    from provider.tools.render.secret import rendered_text  # noqa: PLC0415 - imports the engine

    sys.stdout.write(rendered_text(options))
    return 0


EXIT_CODES: Mapping[int, str] = {
    0: "rendered",
    1: "the controller would report an error: stderr shows what the condition would say",
    2: "wrong command line or file, or nothing to render",
}
_ABOUT = """\
Print the Secret that the controller would write for an ExternalSecret, made by the controller's own
code. Values come from sample data, or from AWS with your own credentials. They are masked."""
_USE = """\
FILE holds the ExternalSecret and what it names: stores, generators, and the ConfigMaps and Secrets
of templateFrom. A store that is not in the files is assumed to be one of Secrets Manager: see
--service.

sample data:
  A mapping in YAML or JSON. Keys are names in AWS, with the prefix of the store
  or without it. A value that is a mapping or list stands for JSON. NAME:VERSION
  is a version or label of a secret, NAME#tags its tags. Tags that find asks for
  are taken to be there.

examples:
  secrets-provider-aws render es.yaml --set 'prod/db={"user":"anna"}' --reveal
  secrets-provider-aws render es.yaml store.yaml --data sample.yaml
  secrets-provider-aws render es.yaml store.yaml --local --profile dev
  echo '{{ .user | upper }}' | secrets-provider-aws render --template - \\
    --set user=anna
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, parsed."""

    files: Sequence[str]
    name: str | None
    namespace: str
    data: Sequence[str]
    set: Sequence[tuple[str, str]]
    template: str | None
    local: bool
    profile: str | None
    without_roles: bool
    service: Literal["SecretsManager", "ParameterStore"]
    region: str | None
    timeout: float
    template_left_delimiter: str
    template_right_delimiter: str
    reveal: bool
    output: Literal["yaml", "json"]

    @property
    def delimiters(self) -> Delimiters:
        return self.template_left_delimiter, self.template_right_delimiter


def checked(namespace: argparse.Namespace) -> Options:
    """The options; raises `UsageError` where they contradict each other."""
    options = Options(**vars(namespace))
    has_samples = bool(options.data or options.set)
    if [*options.files, *options.data, options.template].count("-") > 1:
        raise UsageError("stdin (-) can be read only once")
    if options.template and (options.files or options.local):
        raise UsageError("--template renders one text: leave FILE and --local out")
    if not (options.template or options.files):
        raise UsageError("the following arguments are required: FILE|DIR|-, or --template")
    if options.profile and not options.local:
        raise UsageError("--profile needs --local")
    if options.local and has_samples:
        raise UsageError("--local reads from AWS: leave --data and --set out")
    if not (options.local or has_samples or options.template):
        raise UsageError("no values are given: add --data FILE, --set NAME=VALUE, or --local")
    return options


def add_options(parser: Parser) -> None:
    values = "(--data FILE | --set NAME=VALUE | --local)"
    parser.usage = f"{parser.prog} FILE|DIR|-…\n         {values} [OPTION…]"
    parser.description = _ABOUT
    parser.epilog = f"{_USE}\n{paragraph('exit codes', EXIT_CODES)}"
    add = parser.add_argument
    add_manifests(add, "*")
    add("--name", metavar="NAME", help="the ExternalSecret, if the files have several")
    whose = "namespace of manifests that name none; default: default"
    add("-n", "--namespace", default="default", type=object_name, metavar="NAME", help=whose)
    add("--reveal", action="store_true", help="show the values")
    add("-o", "--output", choices=("yaml", "json"), default="yaml", help="default: yaml")
    add_delimiters(add)
    _add_samples(parser.group("sample data"))
    _add_local(parser.group("from AWS"))


def _add_samples(add: AddArgument) -> None:
    where = "sample data; may be repeated, the last one wins; - is stdin"
    complete_files(add("--data", **REPEATED, metavar="FILE", help=where))
    meaning = "one more value of the sample data; may be repeated"
    add("--set", **REPEATED, type=pair("NAME=VALUE"), metavar="NAME=VALUE", help=meaning)
    text = "render this template alone: .NAME are the values of the sample data"
    complete_files(add("--template", metavar="FILE", help=text))


def _add_local(add: AddArgument) -> None:
    meaning = "read with your own AWS credentials; stderr shows whose they are"
    add("--local", action="store_true", help=meaning)
    add("--profile", metavar="NAME", help="profile of your AWS configuration; default: AWS_PROFILE")
    alone = "do not assume the roles of the stores (role, additionalRoles)"
    add("--without-roles", action="store_true", help=alone)
    services = ("SecretsManager", "ParameterStore")
    other = "service of stores that the files do not have; default: SecretsManager"
    add("--service", choices=services, default=services[0], help=other)
    where = "region of these stores; default: that of AWS_REGION or the profile"
    add("--region", type=region, metavar="REGION", help=where)
    add("--timeout", type=duration, default=60.0, metavar="DURATION", help="default: 1m")
