"""Shows what mounting a class or syncing an ExternalSecret does: identity, calls, results, cost."""

import json
import sys
from argparse import Namespace
from collections.abc import Mapping

from provider.manifests.keys import did_you_mean
from provider.manifests.problems import quote
from provider.tools.arguments import Parser, add_manifests, object_name, paragraph, region
from provider.tools.ending import CommandFailed
from provider.tools.resources.kinds import EXTERNAL_SECRETS
from provider.tools.resources.lookup import lookup
from provider.tools.sources import read_sources
from provider.tools.terminal import Paint
from provider.tools.validate.classes import Reviewed
from provider.tools.validate.relevance import is_relevant
from provider.tools.validate.review import Review, review
from provider.tools.workloads import account_of, accounts_by_class

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


def add_options(parser: Parser) -> None:
    parser.usage = f"{parser.prog} FILE|DIR|-… [OPTION…]"
    parser.description = _ABOUT
    parser.epilog = paragraph("exit codes", EXIT_CODES)
    add = parser.add_argument
    add_manifests(add)
    add("--class", dest="class_name", metavar="NAME", help="only this class")
    add("--external-secret", dest="secret_name", metavar="NAME", help="only this ExternalSecret")
    whose = "namespace of the pod or ExternalSecret; default: that of the manifest"
    add("-n", "--namespace", default="", type=object_name, metavar="NAME", help=whose)
    account = "default: that of a pod in FILE that mounts the class, else default"
    add("--service-account", default="", type=object_name, metavar="NAME", help=account)
    meaning = "region of the daemon, for classes that name none; default: unknown"
    add("--region", type=region, metavar="REGION", help=meaning)
    add("-o", "--output", choices=("text", "json"), default="text", help="default: text")


def run(options: Namespace) -> int:
    """Explain every class and ExternalSecret, or the chosen one."""
    found = review(read_sources(options.files, is_relevant), options.region)
    classes = [one for one in found.classes if _is_chosen(one.name, options.class_name, options)]
    secrets = [
        one
        for one in found.resources
        if one.kind in EXTERNAL_SECRETS and _is_chosen(one.name, options.secret_name, options)
    ]
    if not (classes or secrets):
        raise _nothing(options, found)
    from provider.tools.explain import report, resource_report  # noqa: PLC0415 - import the engine

    accounts = accounts_by_class(found.manifests)
    files = lookup(found.resources, found.manifests)

    def account(one: Reviewed) -> str | None:
        namespace = options.namespace or one.klass.namespace
        return options.service_account or account_of(accounts, one.name, namespace)

    explained: list[report.Explained | resource_report.ExplainedSecret] = [
        *(report.explain(one, files, options.namespace, account(one)) for one in classes),
        *resource_report.explain_secrets(secrets, files, options.namespace),
    ]
    if options.output == "json":
        sys.stdout.write(json.dumps([one.as_json() for one in explained], indent=2) + "\n")
    else:
        paint = Paint.for_stream(sys.stdout)
        sys.stdout.write("\n".join(one.as_text(paint) for one in explained))
    return 0


def _nothing(options: Namespace, found: Review) -> CommandFailed:
    """The error if there is nothing to explain, with what to do."""
    classes = [one.name for one in found.classes]
    secrets = [one.name for one in found.resources if one.kind in EXTERNAL_SECRETS]
    names, what = [*classes, *secrets], "SecretProviderClass or ExternalSecret"
    if options.class_name is not None:
        names, what = classes, "SecretProviderClass"
    elif options.secret_name is not None:
        names, what = secrets, "ExternalSecret"
    name = options.class_name or options.secret_name or ""
    files, hint = ", ".join(options.files), did_you_mean(name, names)
    if not hint and found.has("error"):
        hint = f"secrets-provider-aws validate {' '.join(options.files)} shows mistakes"
    elif not hint and found.others:
        hint = "only classes of the provider aws are explained"
    called = f" {quote(name)}" if name else ""
    return CommandFailed(2, f"there is no {what}{called} in {files}", hint)


def _is_chosen(name: str, wanted: str | None, options: Namespace) -> bool:
    """Whether an object is to be explained: it is named, or nothing is."""
    if options.class_name is None and options.secret_name is None:
        return True
    return name == wanted
