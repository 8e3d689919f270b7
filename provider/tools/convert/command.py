"""Converts ExternalSecrets to SecretProviderClasses, and classes to ExternalSecrets."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence

from provider.manifests.kubernetes import Manifest, read_manifests
from provider.manifests.problems import InvalidSpec
from provider.tools.arguments import Parser, add_manifests, object_name, paragraph, region
from provider.tools.convert.classes import convert_secret
from provider.tools.convert.from_classes import convert_class
from provider.tools.convert.remarks import Converted, Remark, remark, report
from provider.tools.ending import CommandFailed, has_mistakes
from provider.tools.resources.documents import node_at
from provider.tools.resources.kinds import (
    EXTERNAL_SECRETS,
    NOT_SUPPORTED,
    is_resource,
    version_problem,
)
from provider.tools.resources.lookup import lookup
from provider.tools.resources.parsed import Instance, Resource, instances, read_resource
from provider.tools.sources import Source, read_sources
from provider.tools.validate.review import review
from provider.tools.workloads import Accounts, account_of, accounts_by_class

EXIT_CODES: Mapping[int, str] = {
    0: "everything is converted",
    1: "a part is not: stderr says which, and so do comments in the classes",
    2: "wrong command line or file, mistakes in a class, or nothing to convert",
}
_ABOUT = """\
FILE holds ExternalSecrets and their SecretStores or ClusterSecretStores (v1 or v1beta1). All files
are read together. Each ExternalSecret becomes a class of the same name. Its files are named like
the keys, and its secretObjects make the same Kubernetes Secret.

Files with SecretProviderClasses and no ExternalSecret are converted the other way: each entry of
secretObjects becomes an ExternalSecret, with a SecretStore that reads as the service account of the
pods.

examples:
  secrets-provider-aws convert externalsecret.yaml store.yaml > class.yaml
  secrets-provider-aws convert class.yaml deployment.yaml > externalsecret.yaml
"""
_GROUP = "external-secrets.io/"
_PUSH = "is not converted: it writes to AWS, and a class only reads"


def add_options(parser: Parser) -> None:
    parser.usage = f"{parser.prog} FILE|DIR|-… [OPTION…]"
    parser.description = (
        "Convert resources of External Secrets to SecretProviderClasses, or the other way round."
    )
    parser.epilog = f"{_ABOUT}\n{paragraph('exit codes', EXIT_CODES)}"
    add = parser.add_argument
    add_manifests(add)
    keys = "the keys of a JSON secret that dataFrom extracts, for secretObjects"
    add("--keys", action="append", default=[], type=_keys, metavar="SECRET=KEY,…", help=keys)
    add("--pod-identity", action="store_true", help="classes use EKS Pod Identity instead of IRSA")
    whose = "service account of stores made of classes; default: that of a pod in FILE"
    add("--service-account", type=object_name, metavar="NAME", help=whose)
    whose = "region of stores made of classes that name none"
    add("--region", type=region, metavar="REGION", help=whose)


def run(options: argparse.Namespace) -> int:
    """Print what the manifests become, and on stderr what is lost."""
    sources = [*read_sources(options.files)]
    manifests = [(source, one) for source in sources for one in _manifests(source)]
    ours = [one for one in manifests if one[1].api_version.startswith(_GROUP)]
    if any(manifest.kind in EXTERNAL_SECRETS for _, manifest in ours):
        return _to_classes(ours, options)
    return _from_classes(sources, accounts_by_class(one for _, one in manifests), options)


def _to_classes(ours: Sequence[tuple[Source, Manifest]], options: argparse.Namespace) -> int:
    resources = [read_resource(*one) for one in ours if _is_served(one[1])]
    secrets = [one for one in resources if one.kind in EXTERNAL_SECRETS]
    sources = [source for one in secrets for source in instances(one)]
    keys = _merged(options.keys)
    _check_keys(keys, sources)
    files = lookup(resources)
    converted = [
        convert_secret(one, files, keys, use_pod_identity=options.pod_identity) for one in sources
    ]
    others = [*_others(ours), *(lost for one in secrets for lost in _selector_losses(one))]
    return _print(converted, others)


def _from_classes(
    sources: Sequence[Source], accounts: Accounts, options: argparse.Namespace
) -> int:
    classes = review(sources, options.region).classes
    if not classes:
        raise CommandFailed(2, "the files hold no ExternalSecret and no SecretProviderClass")
    converted = []
    for one in classes:
        if one.spec is None:
            raise has_mistakes(one.manifest.path, one.source.name, 2)
        given = account_of(accounts, one.name, one.klass.namespace)
        converted.append(
            convert_class(one, one.spec, options.region, options.service_account or given)
        )
    return _print(converted, ())


def _print(converted: Sequence[Converted], others: Sequence[Remark]) -> int:
    sys.stdout.write("---\n".join(one.as_yaml() for one in converted if one.documents))
    return report([*others, *(lost for one in converted for lost in one.remarks.lost)])


def _merged(given: Sequence[tuple[str, Sequence[str]]]) -> Mapping[str, Sequence[str]]:
    """All keys of each secret: `--keys` may be repeated for one."""
    keys: dict[str, list[str]] = {}
    for secret, names in given:
        keys.setdefault(secret, []).extend(names)
    return keys


def _check_keys(keys: Mapping[str, Sequence[str]], secrets: Sequence[Instance]) -> None:
    """Raise `CommandFailed` if `--keys` names a secret that no `dataFrom` extracts."""
    entries = (entry for one in secrets for entry in one.spec.data_from)
    extracted = {entry.extract.key for entry in entries if entry.extract}
    for secret in keys:
        if secret not in extracted:
            there = ", ".join(sorted(extracted)) or "none"
            text = f"--keys {secret}: no dataFrom extracts this secret; extracted: {there}"
            raise CommandFailed(2, text)


def _keys(text: str) -> tuple[str, Sequence[str]]:
    secret, equals, names = text.rpartition("=")
    found = [name for name in names.split(",") if name]
    if not (secret and equals and found):
        raise argparse.ArgumentTypeError("expected SECRET=KEY,KEY,…")
    return secret, found


def _manifests(source: Source) -> Sequence[Manifest]:
    """The manifests; other invalid files of folders are passed over."""
    try:
        return read_manifests(source.text)
    except InvalidSpec as invalid:
        if not source.is_named and _GROUP not in source.text:
            return ()
        raise CommandFailed(2, f"{source.name}:\n{invalid}") from invalid


def _is_served(manifest: Manifest) -> bool:
    return is_resource(manifest) and version_problem(manifest) is None


def _others(manifests: Sequence[tuple[Source, Manifest]]) -> Iterator[Remark]:
    """A remark for each manifest that is not converted at all."""
    for source, manifest in manifests:
        about = (source.name, manifest.node.line)
        if manifest.kind in NOT_SUPPORTED:
            yield Remark(*about, "", _PUSH, manifest.path)
        elif is_resource(manifest) and (problem := version_problem(manifest)):
            yield Remark(*about, problem.path, problem.message, manifest.path)


def _selector_losses(resource: Resource) -> Iterator[Remark]:
    """The namespaces of a ClusterExternalSecret that the files do not name."""
    for key in ("namespaceSelector", "namespaceSelectors"):
        if node_at(resource.manifest.node, f"spec.{key}")[1]:
            why = "the namespaces are not in the file: apply the class in each that it selects"
            yield remark(resource, f"spec.{key}", why)
