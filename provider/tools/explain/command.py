"""Shows what mounting a class does: the identity, the calls, the files and the permissions."""

import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from provider.manifests.entries import Findings
from provider.manifests.kubernetes import Manifest, find_manifests
from provider.manifests.problems import quote
from provider.tools.arguments import Parser, complete_files, paragraph
from provider.tools.ending import CommandFailed
from provider.tools.sources import Source, read_sources, refuse
from provider.tools.terminal import Paint
from provider.tools.validate.review import review

EXIT_CODES: Mapping[int, str] = {
    0: "explained",
    1: "a class has mistakes: validate shows them",
    2: "wrong command line, or a file cannot be read or holds no such class",
}

_ABOUT = """\
Show the identity, the calls and the files of a class. No call is made: the engine of the daemon
runs against a fake AWS in which everything exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, parsed."""

    files: Sequence[str]
    class_name: str | None
    namespace: str
    service_account: str
    region: str | None
    output: Literal["text", "json"]


def add_options(parser: Parser) -> None:
    """Add every option of the command."""
    parser.usage = f"{parser.prog} FILE|DIR|-… [OPTION…]"
    parser.description = _ABOUT
    parser.epilog = paragraph("exit codes", EXIT_CODES)
    add = parser.add_argument
    complete_files(add("files", nargs="+", metavar="FILE|DIR|-", help="manifests; - is stdin"))
    add("--class", dest="class_name", metavar="NAME", help="only this class")
    whose = "namespace of the pod; default: that of the class"
    add("-n", "--namespace", default="", metavar="NAME", help=whose)
    account = "default: that of a pod in FILE that mounts the class, else default"
    add("--service-account", default="", metavar="NAME", help=account)
    meaning = "region of the daemon, for classes that name none; default: unknown"
    add("--region", metavar="REGION", help=meaning)
    add("-o", "--output", choices=("text", "json"), default="text", help="default: text")


def run(namespace: Namespace) -> int:
    """Explain every class, or the chosen one."""
    options = Options(**vars(namespace))
    sources = tuple(read_sources(options.files, refuse))
    found = review(sources, options.region)
    chosen = [one for one in found.classes if options.class_name in (None, one.name)]
    if not chosen:
        called = f" {quote(options.class_name)}" if options.class_name else ""
        raise CommandFailed(2, f"there is no SecretProviderClass{called} in {_names(sources)}")
    manifests = [manifest for source in sources for manifest in _manifests(source)]
    from provider.tools.explain.explanation import explain  # noqa: PLC0415 - imports the engine
    from provider.tools.explain.report import as_json  # noqa: PLC0415 - likewise

    explained = [
        explain(one, manifests, options.namespace, options.service_account) for one in chosen
    ]
    if options.output == "json":
        sys.stdout.write(as_json(explained))
    else:
        paint = Paint.for_stream(sys.stdout)
        sys.stdout.write("\n".join(one.as_text(paint) for one in explained))
    return 0


def _names(sources: Sequence[Source]) -> str:
    return ", ".join(source.name for source in sources) or "the files"


def _manifests(source: Source) -> Iterator[Manifest]:
    return find_manifests(source.text, Findings())
