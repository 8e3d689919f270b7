"""`convert`: from the External Secrets Operator's manifests to SecretProviderClasses."""

import sys
from collections.abc import Iterator, Sequence

from provider.tools.convert_options import PROGRAM, Options, parse
from provider.tools.ended import Ended, ending
from provider.tools.external_secrets.classes import VERSIONS, Converted, Converter, read_stores, whole
from provider.tools.external_secrets.part import Remark
from provider.tools.external_secrets.written import commented
from provider.tools.review.sources import Source, Unreadable, read_sources
from provider.tools.terminal import printable
from provider.manifests.kubernetes import Manifest, read_manifests
from provider.manifests.problems import InvalidSpec

_GROUP = "external-secrets.io/"
_OTHER_KINDS = {
    "ClusterExternalSecret": "is for many namespaces: convert the ExternalSecrets that it makes",
    "PushSecret": "writes to AWS, which classes never do",
    "ClusterPushSecret": "writes to AWS, which classes never do",
}


def run(arguments: Sequence[str]) -> int:
    """Parse `arguments`, print the classes; the exit code."""
    return ending(PROGRAM, lambda: _print(parse(arguments)))


def _print(options: Options) -> int:
    manifests = [
        (source.name, manifest)
        for source in read_sources(options.files, _refuse, _GROUP)
        for manifest in _manifests(source)
    ]
    ours = [one for one in manifests if one[1].api_version.startswith(_GROUP)]
    if not any(manifest.kind == "ExternalSecret" for _, manifest in ours):
        raise Ended(2, "the files hold no ExternalSecret")
    converter = Converter(read_stores(ours), dict(options.keys), options.pod_identity)
    converted = [converter.convert(whole(*one)) for one in ours if _is_known(one[1])]
    documents = [_written(one) for one in converted if one.document is not None]
    sys.stdout.write("---\n".join(documents))
    lost = [*_others(ours), *(remark for one in converted for remark in one.remarks.lost)]
    for remark in sorted(set(lost)):
        sys.stderr.write(f"{printable(str(remark))}\n")
    return 1 if lost else 0


def _refuse(unreadable: Unreadable) -> None:
    raise Ended(2, str(unreadable)) from unreadable


def _manifests(source: Source) -> Sequence[Manifest]:
    try:
        return read_manifests(source.text)
    except InvalidSpec as invalid:
        raise Ended(2, f"{source.name}:\n{invalid}") from invalid


def _is_known(manifest: Manifest) -> bool:
    return manifest.kind == "ExternalSecret" and manifest.api_version in VERSIONS


def _others(manifests: Sequence[tuple[str, Manifest]]) -> Iterator[Remark]:
    for file, manifest in manifests:
        part = whole(file, manifest)
        if manifest.kind in _OTHER_KINDS:
            yield part.remark(_OTHER_KINDS[manifest.kind])
        elif manifest.kind == "ExternalSecret" and manifest.api_version not in VERSIONS:
            yield part.remark(f"must be of {' or '.join(VERSIONS)}", "apiVersion")


def _written(converted: Converted) -> str:
    source, remarks = converted.source, converted.remarks
    above: list[tuple[str, Sequence[str]]] = [
        (f"From {source.owner} ({source.file}:{source.node.line}).", remarks.notes)
    ]
    if remarks.lost:
        above.append(("Not converted:", [*map(_brief, remarks.lost)]))
    assert converted.document is not None  # noqa: S101 - whoever calls this has looked
    return commented(converted.document, above)


def _brief(remark: Remark) -> str:
    where = " ".join(filter(None, (f"line {remark.line}", remark.path)))
    return f"{where}: {remark.text}"
