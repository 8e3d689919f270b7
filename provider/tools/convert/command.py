"""Converts ExternalSecrets to SecretProviderClasses, and classes to ExternalSecrets."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from provider.manifests.kubernetes import Manifest, read_manifests
from provider.manifests.problems import InvalidSpec
from provider.tools.arguments import Parser, complete_files, paragraph
from provider.tools.convert.classes import (
    VERSIONS,
    Converted,
    Converter,
    as_part,
    read_stores,
)
from provider.tools.convert.cluster_external_secrets import external_secrets, losses
from provider.tools.convert.commented_yaml import commented
from provider.tools.convert.remarks import Part, Remark
from provider.tools.ending import CommandFailed
from provider.tools.resources.documents import node_at
from provider.tools.resources.parsed import read_resource
from provider.tools.sources import Source, read_sources, refuse
from provider.tools.terminal import printable

EXIT_CODES: Mapping[int, str] = {
    0: "everything is converted",
    1: "a part is not: stderr says which, and so do comments in the classes",
    2: "wrong command line, or a file cannot be read or holds neither",
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
_KINDS = {"ExternalSecret", "ClusterExternalSecret"}
_OTHER_KINDS = {
    "PushSecret": "is not converted: it writes to AWS, and a class only reads",
    "ClusterPushSecret": "is not converted: it writes to AWS, and a class only reads",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, parsed."""

    files: Sequence[str]
    keys: Sequence[tuple[str, Sequence[str]]]
    pod_identity: bool
    service_account: str | None
    region: str | None


def add_options(parser: Parser) -> None:
    """Add every option of the command."""
    parser.usage = f"{parser.prog} FILE… [OPTION…]"
    parser.description = (
        "Convert resources of External Secrets to SecretProviderClasses, or the other way round."
    )
    parser.epilog = f"{_ABOUT}\n{paragraph('exit codes', EXIT_CODES)}"
    add = parser.add_argument
    manifests = "manifests, or folders of them; - is stdin"
    complete_files(add("files", nargs="+", metavar="FILE", help=manifests))
    keys = "the keys of a JSON secret that dataFrom extracts, for secretObjects"
    add("--keys", action="append", default=[], type=_keys, metavar="SECRET=KEY,…", help=keys)
    add("--pod-identity", action="store_true", help="classes use EKS Pod Identity instead of IRSA")
    whose = "service account of stores made of classes; default: that of a pod in FILE"
    add("--service-account", metavar="NAME", help=whose)
    add("--region", metavar="REGION", help="region of stores made of classes that name none")


def run(namespace: argparse.Namespace) -> int:
    """Print what the manifests become, and on stderr what is lost."""
    options = Options(**vars(namespace))
    sources = [*read_sources(options.files, refuse, lambda text: "apiVersion" in text)]
    manifests = [(source.name, one) for source in sources for one in _manifests(source)]
    ours = [one for one in manifests if one[1].api_version.startswith(_GROUP)]
    if any(manifest.kind in _KINDS for _, manifest in ours):
        return _to_classes(ours, options)
    from provider.tools.convert.classes_command import convert_classes  # noqa: PLC0415

    return convert_classes(sources, [one for _, one in manifests], options)


def _to_classes(ours: Sequence[tuple[str, Manifest]], options: Options) -> int:
    secrets = [secret for one in ours if _is_known(one[1]) for secret in _secrets(*one)]
    keys = _merged(options.keys)
    _check_keys(keys, secrets)
    converter = Converter(read_stores(ours), keys, options.pod_identity)
    converted = [*map(converter.convert, secrets)]
    documents = [_written(one, one.document) for one in converted if one.document is not None]
    sys.stdout.write("---\n".join(documents))
    lost = [*_others(ours), *(remark for one in converted for remark in one.remarks.lost)]
    told = {(remark.file, remark.line) for remark in lost}
    lost += [one for one in _mistakes(ours) if (one.file, one.line) not in told]
    for remark in sorted(set(lost)):
        sys.stderr.write(f"{printable(str(remark))}\n")
    return 1 if lost else 0


def _secrets(file: str, manifest: Manifest) -> Iterator[Part]:
    """The ExternalSecret, or those that a ClusterExternalSecret stands for."""
    part = as_part(file, manifest)
    return iter([part]) if manifest.kind == "ExternalSecret" else external_secrets(part)


def _merged(given: Sequence[tuple[str, Sequence[str]]]) -> Mapping[str, Sequence[str]]:
    """All keys of each secret: `--keys` may be repeated for one."""
    keys: dict[str, list[str]] = {}
    for secret, names in given:
        keys.setdefault(secret, []).extend(names)
    return keys


def _check_keys(keys: Mapping[str, Sequence[str]], secrets: Sequence[Part]) -> None:
    """Raise `CommandFailed` if `--keys` names a secret that no `dataFrom` extracts."""
    extracted = {
        entry.part("extract").text("key")
        for secret in secrets
        for entry in secret.part("spec").parts("dataFrom")
    } - {""}
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


def _is_known(manifest: Manifest) -> bool:
    return manifest.kind in _KINDS and manifest.api_version in VERSIONS


def _mistakes(manifests: Sequence[tuple[str, Manifest]]) -> Iterator[Remark]:
    """What the controller would refuse: the class may deliver something else."""
    for file, manifest in manifests:
        if not _is_known(manifest):
            continue
        for problem in read_resource(Source(file, ""), manifest).problems:
            node, _ = node_at(manifest.node, problem.path)
            yield Remark(file, node.line, problem.path, problem.message, manifest.path)


def _others(manifests: Sequence[tuple[str, Manifest]]) -> Iterator[Remark]:
    """A remark for each manifest that is not converted at all."""
    for file, manifest in manifests:
        part = as_part(file, manifest)
        if manifest.kind in _OTHER_KINDS:
            yield part.remark(_OTHER_KINDS[manifest.kind])
        elif manifest.kind == "ClusterExternalSecret":
            yield from losses(part)
        if manifest.kind in _KINDS and manifest.api_version not in VERSIONS:
            yield part.remark(f"must be {' or '.join(VERSIONS)}", "apiVersion")


def _written(converted: Converted, document: Mapping[str, object]) -> str:
    """The class as YAML, with comments above it."""
    source, remarks = converted.source, converted.remarks
    comments: list[tuple[str, Sequence[str]]] = [
        (f"From {source.owner} ({source.file}:{source.node.line}).", remarks.notes)
    ]
    if remarks.lost:
        comments.append(("Not converted:", [*map(_brief, remarks.lost)]))
    return commented(document, comments)


def _brief(remark: Remark) -> str:
    where = " ".join(filter(None, (f"line {remark.line}", remark.path)))
    return f"{where}: {remark.text}"
