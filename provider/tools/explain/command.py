"""Shows what mounting a class does: the identity, the calls, the files and the permissions."""

import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from provider.csi.identity import audiences_of
from provider.csi.request.model import Pod
from provider.manifests.entries import Findings
from provider.manifests.kubernetes import Manifest, find_manifests
from provider.manifests.problems import quote
from provider.tools.arguments import Parser, complete_files, paragraph
from provider.tools.class_files import files
from provider.tools.ending import CommandFailed
from provider.tools.explain.dry_run import dry_run
from provider.tools.explain.report import Explained, as_json
from provider.tools.sources import Source, read_sources, refuse
from provider.tools.terminal import Paint
from provider.tools.validate.classes import Reviewed
from provider.tools.validate.review import review
from provider.tools.workloads import classes_of, pods, role_of, text

EXIT_CODES: Mapping[int, str] = {
    0: "explained",
    1: "a class has mistakes: validate shows them",
    2: "wrong command line, or a file cannot be read or holds no such class",
}

_ABOUT = """\
Show the identity, the calls and the files of a class. No call is made: the engine of the daemon
runs against a fake AWS in which everything exists."""
_UNKNOWN_ROLE = "<eks.amazonaws.com/role-arn>"


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
    explained = [_explained(one, manifests, options) for one in chosen]
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


def _explained(reviewed: Reviewed, manifests: Sequence[Manifest], options: Options) -> Explained:
    spec = reviewed.spec
    if spec is None:
        hint = f"secrets-provider-aws validate {reviewed.source.name}"
        raise CommandFailed(1, f"{reviewed.manifest.path} has mistakes", hint)
    namespace = options.namespace or reviewed.klass.namespace or "default"
    account = options.service_account or _account(reviewed.name, manifests) or "default"
    role = _role(account, reviewed.klass.namespace, manifests)
    pod = Pod(namespace=namespace, name="pod", uid="uid", service_account=account)
    return Explained(
        reviewed=reviewed,
        kind=spec.identity_kind,
        audience=" or ".join(audiences_of(spec.identity_kind)),
        dry_run=dry_run(spec, pod, role or _UNKNOWN_ROLE),
        files=files(spec),
    )


def _account(name: str, manifests: Sequence[Manifest]) -> str:
    """The service account of the first pod that mounts the class; empty without one."""
    found = (
        text(pod["serviceAccountName"])
        for manifest in manifests
        for _, pod in pods(manifest.node)
        if name in classes_of(pod)
    )
    return next(found, "")


def _role(account: str, namespace: str, manifests: Sequence[Manifest]) -> str:
    """The role of the service account; empty if the manifests do not name it."""
    for one in manifests:
        if one.kind == "ServiceAccount" and one.name == account and one.namespace == namespace:
            return role_of(one)
    return ""
