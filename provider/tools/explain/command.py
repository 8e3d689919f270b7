"""Shows what mounting a class or syncing an ExternalSecret does: identity, calls, results, cost."""

import json
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
from provider.tools.resources.lookup import lookup
from provider.tools.sources import Source, read_sources, refuse
from provider.tools.terminal import Paint
from provider.tools.validate.relevance import is_relevant
from provider.tools.validate.review import Review, review
from provider.tools.workloads import accounts_by_class

_KINDS = ("ExternalSecret", "ClusterExternalSecret")

EXIT_CODES: Mapping[int, str] = {
    0: "explained",
    1: "mistakes: validate shows them; or a store that is not in the files",
    2: "wrong command line, or a file cannot be read or holds nothing to explain",
}

_ABOUT = """\
Show the identity, the calls and the files of a class; the identity, the calls, the keys of the
Secret, the refreshes and the cost of an ExternalSecret. No call is made: the code of daemon and
controller runs against a fake AWS in which everything exists.

examples:
  secrets-provider-aws explain class.yaml pod.yaml
  secrets-provider-aws explain es.yaml store.yaml -o json"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, parsed."""

    files: Sequence[str]
    class_name: str | None
    secret_name: str | None
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
    add("--external-secret", dest="secret_name", metavar="NAME", help="only this ExternalSecret")
    whose = "namespace of the pod or ExternalSecret; default: that of the manifest"
    add("-n", "--namespace", default="", metavar="NAME", help=whose)
    account = "default: that of a pod in FILE that mounts the class, else default"
    add("--service-account", default="", metavar="NAME", help=account)
    meaning = "region of the daemon, for classes that name none; default: unknown"
    add("--region", metavar="REGION", help=meaning)
    add("-o", "--output", choices=("text", "json"), default="text", help="default: text")


def run(namespace: Namespace) -> int:
    """Explain every class and ExternalSecret, or the chosen one."""
    options = Options(**vars(namespace))
    sources = tuple(read_sources(options.files, refuse, is_relevant))
    found = review(sources, options.region)
    classes = [one for one in found.classes if _is_chosen(one.name, options.class_name, options)]
    secrets = [
        one
        for one in found.resources
        if one.kind in _KINDS and _is_chosen(one.name, options.secret_name, options)
    ]
    if not (classes or secrets):
        name = options.class_name or options.secret_name
        what = "SecretProviderClass or ExternalSecret"
        if options.class_name:
            what = "SecretProviderClass"
        called = f" {quote(name)}" if name else ""
        text = f"there is no {what}{called} in {_names(sources)}"
        raise CommandFailed(2, text, _why_none(found))
    manifests = [manifest for source in sources for manifest in _manifests(source)]
    from provider.tools.explain.explanation import explain  # noqa: PLC0415 - imports the engine
    from provider.tools.explain.report import Explained  # noqa: PLC0415 - likewise
    from provider.tools.explain.resource_report import ExplainedSecret  # noqa: PLC0415 - likewise
    from provider.tools.explain.resources import explain_secrets  # noqa: PLC0415 - likewise

    accounts = accounts_by_class(manifests)
    if options.service_account:
        accounts = dict.fromkeys((one.name for one in classes), options.service_account)
    files = lookup(found.resources, manifests)
    explained: list[Explained | ExplainedSecret] = [
        *(explain(one, files, options.namespace, accounts) for one in classes),
        *explain_secrets(secrets, files, options.namespace),
    ]
    if options.output == "json":
        sys.stdout.write(json.dumps([one.as_json() for one in explained], indent=2) + "\n")
    else:
        paint = Paint.for_stream(sys.stdout)
        sys.stdout.write("\n".join(one.as_text(paint) for one in explained))
    return 0


def _why_none(found: Review) -> str:
    """What to do if nothing is found to explain; empty without an idea."""
    if found.has("error"):
        return f"secrets-provider-aws validate {_names(found.sources)} shows mistakes"
    return "only classes of the provider aws are explained" if found.others else ""


def _is_chosen(name: str, wanted: str | None, options: Options) -> bool:
    """Whether an object is to be explained: it is named, or nothing is."""
    if options.class_name is None and options.secret_name is None:
        return True
    return name == wanted


def _names(sources: Sequence[Source]) -> str:
    return ", ".join(source.name for source in sources) or "the files"


def _manifests(source: Source) -> Iterator[Manifest]:
    return find_manifests(source.text, Findings())
