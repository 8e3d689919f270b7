"""`validate`: what is wrong with classes, said before a pod says it, and what works but hurts."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from provider.tools.arguments import Parser, listed
from provider.tools.ended import Ended, ending
from provider.tools.review import fitting, machine, shown
from provider.tools.review.findings import RULES
from provider.tools.review.run import Review, review
from provider.tools.review.sources import Unreadable, read_sources
from provider.tools.terminal import Paint, printable

PROGRAM = "secrets-provider-aws validate"

EXIT_CODES: Mapping[object, str] = {
    0: "no class has mistakes; there may be warnings, unless --strict",
    1: "mistakes, or with --strict warnings",
    2: "wrong command line, or a file cannot be read",
}

_ABOUT = """\
Check SecretProviderClasses without a cluster and without AWS: by the daemon's own parser, and for
what works but hurts. Pods among the manifests are checked for volumes that fit."""

Format = Literal["text", "json", "github", "sarif"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, parsed."""

    files: Sequence[str]
    output: Format
    strict: bool
    quiet: bool
    region: str | None
    fix_secret_objects: bool


def parser() -> Parser:
    """All options, for whoever prints or completes them."""
    rules = listed("rules", {f"{rule.name} ({rule.level})": f"{rule.meaning}." for rule in RULES})
    parser = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} FILE|DIR|-… [OPTION…]",
        description=_ABOUT,
        epilog=f"{rules}\n\n{listed('exit codes', EXIT_CODES)}",
    )
    add = parser.add_argument
    where = "manifests; of a folder all *.yaml, *.yml and *.json below it; - is stdin"
    add("files", nargs="+", metavar="FILE|DIR|-", help=where)
    formats = ("text", "json", "github", "sarif")
    meaning = "text (default), json, github (annotations of a workflow) or sarif (code scanning)"
    add("-o", "--output", choices=formats, default="text", metavar="FORMAT", help=meaning)
    add("--strict", action="store_true", help="warnings are as bad as mistakes")
    add("-q", "--quiet", action="store_true", help="no notes, and nothing at all if all is well")
    meaning = "region of the daemon, for classes that name none: ARNs are held against it"
    add("--region", metavar="REGION", help=meaning)
    meaning = "print the secretObjects block that fits each class instead"
    add("--fix-secret-objects", action="store_true", help=meaning)
    return parser


def run(arguments: Sequence[str]) -> int:
    """Parse `arguments`, check, print; the exit code."""
    return ending(PROGRAM, lambda: _validate(Options(**vars(parser().parse_args(arguments)))))


def _validate(options: Options) -> int:
    unread: list[Unreadable] = []
    found = review(read_sources(options.files, unread.append), options.region)
    if options.quiet:
        found = found.without("note")
    for error in unread:
        sys.stderr.write(f"{PROGRAM}: {printable(str(error))}\n")
    if options.fix_secret_objects:
        sys.stdout.write(_blocks(found))
    elif options.output != "text" or found.findings or not options.quiet:
        sys.stdout.write(_FORMATS[options.output](found))
    if unread:
        return 2
    return 1 if found.has("error") or (options.strict and found.has("warning")) else 0


_FORMATS: Mapping[Format, Callable[[Review], str]] = {
    "text": lambda found: shown.as_text(found, Paint.for_stream(sys.stdout)),
    "json": machine.as_json,
    "github": machine.as_github,
    "sarif": machine.as_sarif,
}


def _blocks(found: Review) -> str:
    faulty = [one.manifest.path for one in found.classes if one.spec is None]
    if faulty:
        raise Ended(1, f"first put right what validate says of {', '.join(faulty)}")
    blocks = (
        f"# {one.name} ({one.source.name}), below spec:\n{fitting.fitting_block(one)}"
        for one in found.classes
    )
    return "---\n".join(blocks)
