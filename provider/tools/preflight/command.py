"""Reads a cluster and says which objects would behave differently under this controller."""

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace

from provider.tools.arguments import (
    Parser,
    UsageError,
    add_delimiters,
    complete_files,
    duration,
    object_name,
    paragraph,
)
from provider.tools.ending import CommandFailed
from provider.tools.preflight.cluster import read_cluster
from provider.tools.preflight.differences import as_json, as_text, in_order
from provider.tools.preflight.kubectl import GET, cluster, read_documents
from provider.tools.terminal import Paint

EXIT_CODES: Mapping[int, str] = {
    0: "everything works as before; there may be notes",
    1: "something would stop working",
    2: "wrong command line, or the cluster or a file cannot be read",
    3: "something would behave differently, or is not read: it is not in the files, or you may not "
    "read it, such as the types of Secrets; nothing stops",
}
_ABOUT = """\
Read a cluster that External Secrets Operator works on, and say which objects would behave
differently under this controller, and why. Nothing is written. Of Secrets only names and types are
read, and the text of those that hold templates (templateFrom)."""
_USE = """\
Without FILE, kubectl reads the cluster, with its kubeconfig, credentials and plugins. FILE is the
output of kubectl get -o json or -o yaml; several files are one cluster.

examples:
  secrets-provider-aws preflight
  secrets-provider-aws preflight --context prod -o json
  kubectl get -A -o json \\
    externalsecrets,secretstores,clustersecretstores,clusterexternalsecrets |
    secrets-provider-aws preflight -
"""


def add_options(parser: Parser) -> None:
    parser.usage = f"{parser.prog} [FILE|-…] [OPTION…]"
    parser.description = _ABOUT
    parser.epilog = f"{_USE}\n{paragraph('exit codes', EXIT_CODES)}"
    add = parser.add_argument
    what = "objects of the cluster instead of kubectl; - is stdin"
    complete_files(add("files", nargs="*", metavar="FILE|-", help=what))
    complete_files(add("--kubeconfig", metavar="PATH", help="default: that of kubectl"))
    add("--context", metavar="NAME", help="context of the kubeconfig; default: the current one")
    where = "only this namespace, and what is cluster-wide; default: all namespaces"
    add("-n", "--namespace", default="", type=object_name, metavar="NAME", help=where)
    complete_files(add("--kubectl", default="kubectl", metavar="PATH", help="default: kubectl"))
    add("--timeout", type=duration, default=120.0, metavar="DURATION", help="default: 2m")
    meaning = "the class of this controller: stores of other classes are passed over"
    add("--controller-class", default="default", metavar="NAME", help=meaning)
    add_delimiters(add)
    add("-q", "--quiet", action="store_true", help="print no notes")
    add("-o", "--output", choices=("text", "json"), default="text", help="default: text")


def run(options: Namespace) -> int:
    if list(options.files).count("-") > 1:
        raise UsageError("stdin (-) can be read only once")
    from provider.tools.preflight.leftovers import LEFTOVERS, leftovers  # noqa: PLC0415 (heavy)
    from provider.tools.preflight.objects import compare  # noqa: PLC0415 (heavy)

    refused: Sequence[str] = ()
    if options.files:
        documents = [one for name in options.files for one in read_documents(name)]
    else:
        documents, refused = read_cluster(cluster(options))
    delimiters = options.template_left_delimiter, options.template_right_delimiter
    compared = compare(documents, options.controller_class, delimiters)
    found = [*compared.differences, *(one for document in documents for one in leftovers(document))]
    if options.files and not (compared.objects or found):
        raise _nothing_to_compare(options.files)
    # A cluster that was read lacks only what does not exist, or may not be read.
    unread = compared.unread if options.files else refused
    kept = [one for one in in_order(found) if one.level != "note" or not options.quiet]
    of_operator = len({one.object for one in kept if one.kind in LEFTOVERS})
    result = replace(compared, differences=kept, unread=unread, leftovers=of_operator)
    is_text = options.output == "text"
    sys.stdout.write(as_text(result, Paint.for_stream(sys.stdout)) if is_text else as_json(result))
    levels = {one.level for one in found}
    return 1 if "stops" in levels else 3 if "differs" in levels or unread else 0


def _nothing_to_compare(files: Sequence[str]) -> CommandFailed:
    """An empty output of kubectl must not read as "everything works as before"."""
    names = ", ".join("stdin" if one == "-" else one for one in files)
    hint = f"give the output of {GET}"
    return CommandFailed(2, f"there is no External Secrets resource in {names}", hint)
