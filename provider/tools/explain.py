"""`explain`: what mounting a class comes to, without AWS: identity, calls, files, permissions."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from provider.tools.arguments import Parser, listed
from provider.tools.ended import Ended, ending
from provider.tools.explained import Explained, as_json
from provider.tools.rehearsal import rehearse
from provider.tools.review.classes import Reviewed
from provider.tools.review.delivered import files
from provider.tools.review.run import review
from provider.tools.review.sources import Source, Unreadable, read_sources
from provider.tools.review.synced import text
from provider.tools.review.workloads import classes_of, pods
from provider.tools.terminal import Paint
from provider.csi.identity import audiences_of
from provider.manifests.entries import Findings
from provider.manifests.kubernetes import Manifest, find_manifests
from provider.csi.request.model import Pod
from provider.manifests.nodes import Fields, Node
from provider.manifests.problems import quote

PROGRAM = "secrets-provider-aws explain"

EXIT_CODES: Mapping[object, str] = {
    0: "explained",
    1: "a class has mistakes: validate shows them",
    2: "wrong command line, or a file cannot be read or holds no such class",
}

_ABOUT = """\
Say what mounting a class comes to: as whom, by which calls, into which files. No call is made: it
is the daemon's own engine, over an AWS that answers everything."""
_ROLE = "eks.amazonaws.com/role-arn"
_UNKNOWN_ROLE = f"<{_ROLE}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, parsed."""

    files: Sequence[str]
    class_name: str | None
    namespace: str
    service_account: str
    region: str | None
    output: Literal["text", "json"]


def parser() -> Parser:
    """All options, for whoever prints or completes them."""
    parser = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} FILE|DIR|-… [OPTION…]",
        description=_ABOUT,
        epilog=listed("exit codes", EXIT_CODES),
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE|DIR|-", help="manifests; - is stdin")
    add("--class", dest="class_name", metavar="NAME", help="this class alone")
    add("-n", "--namespace", default="", metavar="NAME", help="the pod's; default: the class's")
    whose = "the pod's; default: that of a pod in FILE that mounts the class, else default"
    add("--service-account", default="", metavar="NAME", help=whose)
    meaning = "the daemon's, for classes that name none; default: left open"
    add("--region", metavar="REGION", help=meaning)
    add("-o", "--output", choices=("text", "json"), default="text", help="default: text")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Parse `arguments`, explain; the exit code."""
    return ending(PROGRAM, lambda: _explain(Options(**vars(parser().parse_args(arguments)))))


def _explain(options: Options) -> int:
    sources = tuple(read_sources(options.files, _refuse))
    found = review(sources, options.region)
    chosen = [one for one in found.classes if options.class_name in (None, one.name)]
    if not chosen:
        called = f" {quote(options.class_name)}" if options.class_name else ""
        raise Ended(2, f"there is no SecretProviderClass{called} of ours in {_names(sources)}")
    manifests = [manifest for source in sources for manifest in _manifests(source)]
    explained = [_explained(one, manifests, options) for one in chosen]
    if options.output == "json":
        sys.stdout.write(as_json(explained))
    else:
        paint = Paint.for_stream(sys.stdout)
        sys.stdout.write("\n".join(one.as_text(paint) for one in explained))
    return 0


def _refuse(unreadable: Unreadable) -> None:
    raise Ended(2, str(unreadable)) from unreadable


def _names(sources: Sequence[Source]) -> str:
    return ", ".join(source.name for source in sources) or "the files"


def _manifests(source: Source) -> Iterator[Manifest]:
    return find_manifests(source.text, Findings())


def _explained(reviewed: Reviewed, manifests: Sequence[Manifest], options: Options) -> Explained:
    spec = reviewed.spec
    if spec is None:
        hint = f"secrets-provider-aws validate {reviewed.source.name}"
        raise Ended(1, f"{reviewed.manifest.path} has mistakes", hint)
    namespace = options.namespace or reviewed.klass.namespace or "default"
    account = options.service_account or _account(reviewed.name, manifests) or "default"
    role = _role(account, reviewed.klass.namespace, manifests)
    pod = Pod(namespace=namespace, name="pod", uid="uid", service_account=account)
    return Explained(
        reviewed=reviewed,
        kind=spec.identity_kind,
        audience=" or ".join(audiences_of(spec.identity_kind)),
        rehearsal=rehearse(spec, pod, role or _UNKNOWN_ROLE),
        files=files(spec),
    )


def _account(name: str, manifests: Sequence[Manifest]) -> str:
    """The service account of the first pod that mounts the class."""
    found = (
        text(pod["serviceAccountName"])
        for manifest in manifests
        for _, pod in pods(manifest.node)
        if name in classes_of(pod)
    )
    return next(found, "")


def _role(account: str, namespace: str, manifests: Sequence[Manifest]) -> str:
    """The role that the service account is annotated with."""
    for one in manifests:
        if one.kind == "ServiceAccount" and one.name == account and one.namespace == namespace:
            return text(_at(one.node, "metadata", "annotations", _ROLE))
    return ""


def _at(node: Node | None, *path: str) -> Node | None:
    for key in path:
        node = node[key] if isinstance(node, Fields) else None
    return node
