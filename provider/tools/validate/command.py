"""Checks manifests of both doors before they are applied: mistakes, and what works but is risky."""

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from provider.tools.arguments import (
    Parser,
    UsageError,
    add_delimiters,
    add_manifests,
    paragraph,
    region,
)
from provider.tools.ending import CommandFailed
from provider.tools.sources import Unreadable, read_sources
from provider.tools.terminal import Paint, printable
from provider.tools.validate.findings import RULES
from provider.tools.validate.formats import as_github, as_json, as_sarif, as_text
from provider.tools.validate.relevance import is_relevant
from provider.tools.validate.review import Review, review
from provider.tools.validate.synced_secrets import matching_block

EXIT_CODES: Mapping[int, str] = {
    0: "there are no mistakes; there may be warnings, unless --strict",
    1: "mistakes, or with --strict warnings, or nothing to check",
    2: "wrong command line, or a file cannot be read",
}

_ABOUT = """\
Check SecretProviderClasses and External Secrets resources without a cluster and without AWS, with
the parsers of daemon and controller, and warn about what works but is risky. What the manifests
name of each other is checked too: classes of volumes, stores, generators, service accounts.

examples:
  secrets-provider-aws validate deploy/ --strict
  helm template my-chart | secrets-provider-aws validate -"""

Format = Literal["text", "json", "github", "sarif"]


def add_options(parser: Parser) -> None:
    rules = {f"{rule.name} ({rule.level})": f"{rule.meaning}." for rule in RULES}
    parser.usage = f"{parser.prog} FILE|DIR|-… [OPTION…]"
    parser.description = _ABOUT
    parser.epilog = f"{paragraph('rules', rules)}\n\n{paragraph('exit codes', EXIT_CODES)}"
    add = parser.add_argument
    add_manifests(add)
    formats = ("text", "json", "github", "sarif")
    meaning = "text (default), json, github (annotations of a workflow) or sarif (code scanning)"
    add("-o", "--output", choices=formats, default="text", metavar="FORMAT", help=meaning)
    add("--strict", action="store_true", help="fail on warnings, and if nothing is found to check")
    add("-q", "--quiet", action="store_true", help="print no notes, and nothing if all is well")
    add("-v", "--verbose", action="store_true", help="list the files that are passed over")
    meaning = "region of the daemon, for classes that name none: ARNs are compared with it"
    add("--region", type=region, metavar="REGION", help=meaning)
    add_delimiters(add)
    meaning = "print a secretObjects block that matches each class instead"
    add("--fix-secret-objects", action="store_true", help=meaning)


def run(options: Namespace) -> int:
    if options.fix_secret_objects and options.output != "text":
        raise UsageError("--fix-secret-objects prints YAML: leave --output")
    unread: list[Unreadable] = []
    sources = read_sources(options.files, is_relevant, unread.append)
    delimiters = options.template_left_delimiter, options.template_right_delimiter
    found = review(sources, options.region, delimiters)
    found = replace(found, unread=[str(one) for one in unread])
    if options.quiet:
        found = found.without("note")
    for error in found.unread:
        sys.stderr.write(f"secrets-provider-aws validate: {printable(error)}\n")
    for source in found.passed_over if options.verbose else ():
        sys.stderr.write(f"passed over: {printable(source.name)}: it holds nothing to check\n")
    if options.fix_secret_objects:
        sys.stdout.write(_blocks(found))
    elif options.output != "text" or found.findings or not options.quiet:
        sys.stdout.write(_FORMATS[options.output](found))
    if unread:
        return 2
    is_empty = not (found.sources or found.passed_over)
    is_refused = options.strict and (found.has("warning") or is_empty)
    return 1 if found.has("error") or is_refused else 0


_FORMATS: Mapping[Format, Callable[[Review], str]] = {
    "text": lambda found: as_text(found, Paint.for_stream(sys.stdout)),
    "json": as_json,
    "github": as_github,
    "sarif": as_sarif,
}


def _blocks(found: Review) -> str:
    faulty = [one.manifest.path for one in found.classes if one.spec is None]
    if faulty:
        text = f"correct first what validate reports for {', '.join(faulty)}"
        raise CommandFailed(1, text)
    blocks = (
        f"# {one.name} ({one.source.name}), below spec:\n{matching_block(one)}"
        for one in found.classes
    )
    return "---\n".join(blocks)
