"""Which files of a folder hold something to check, and kinds that are nearly those to check.

A folder of a GitOps repository also has Helm values, workflows, patches, schemas and Kustomizations
that mention SecretProviderClasses or External Secrets. Only Kubernetes manifests with a kind to
check count.
"""

import os.path
import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from pathlib import Path

from provider.controller.kinds import GROUP as EXTERNAL_SECRETS
from provider.manifests.keys import did_you_mean
from provider.manifests.kubernetes import Manifest
from provider.manifests.nodes import Fields, Items, Node, Scalar
from provider.manifests.problems import InvalidSpec, quote
from provider.manifests.yaml_tree import read_document
from provider.tools.resources.kinds import (
    KINDS,
    NOT_SUPPORTED,
    group_of,
    is_meant,
    is_resource,
    known_kinds,
)
from provider.tools.sources import Place, Source, Unreadable, read_text
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding, LocatedManifest
from provider.tools.workloads import DRIVER, mappings, pods, text, volumes

GROUP = "secrets-store.csi.x-k8s.io"
KIND = "SecretProviderClass"

_KINDS = re.compile(r"""\bkind["']?\s*:\s*["']?(\w+)""")
_NAMES = f"{KIND}|(?:Cluster)?ExternalSecret|(?:Cluster)?SecretStore"
_CHECKED = re.compile(
    r"""(?:^[ \t]*(?:-[ \t]+)?|[{,]\s*)["']?kind["']?\s*:\s*"""
    rf"""["']?(?:{_NAMES})["']?\s*(?:$|[,}}#])""",
    re.MULTILINE,
)
"""A kind to check in a text that cannot be parsed."""
_OTHER_KINDS = {"SecretProviderClassPodStatus"}
"""Kinds of the group that users do not write."""
_SIMILAR = 0.85


def is_relevant(text: str) -> bool:
    """Whether a file must be parsed to know whether it holds something to check."""
    mentions = (GROUP, DRIVER, EXTERNAL_SECRETS)
    if KIND.lower() in text.lower() or any(one in text for one in mentions):
        return True
    kinds = set(_KINDS.findall(text))
    return not kinds.isdisjoint(("ServiceAccount", *KINDS)) or any(map(_is_similar, kinds))


def seems_to_be_checked(source: Source) -> bool:
    """Whether a file that cannot be parsed is meant to hold something to check."""
    return source.is_named or _CHECKED.search(source.text) is not None


def is_checked(manifest: Manifest) -> bool:
    """Whether there is something to check in a manifest."""
    if manifest.kind in {KIND, "ServiceAccount"}:
        has_metadata = manifest.node["metadata"] is not None
        return bool(manifest.api_version) or (manifest.kind == KIND and has_metadata)
    if manifest.api_version.startswith(f"{GROUP}/") or _is_similar(manifest.kind):
        return True
    return is_meant(manifest) or any(True for _, pod in pods(manifest.node) for _ in volumes(pod))


def check_kind(located: LocatedManifest) -> Iterator[Finding]:
    """A kind that does not exist and is nearly that of a class, or of a resource."""
    manifest = located.manifest
    kind, of_group = manifest.kind, manifest.api_version.startswith(f"{GROUP}/")
    if is_meant(manifest):
        yield from _check_resource_kind(located)
        return
    if not kind or kind in {KIND, *_OTHER_KINDS} or not (of_group or _is_similar(kind)):
        return
    message = f"{quote(kind)} is not a kind" + (f" of {GROUP}" if of_group else "")
    yield located.found(rules.MANIFEST, "kind", message, f"did you mean {KIND}")


def _check_resource_kind(located: LocatedManifest) -> Iterator[Finding]:
    manifest = located.manifest
    kind, group = manifest.kind, group_of(manifest)
    if is_resource(manifest):
        return
    if kind in KINDS:
        right = f"{KINDS[kind].group}/{KINDS[kind].versions[0]}"
        message = f"must be {right}, got {quote(manifest.api_version)}"
        yield located.found(rules.MANIFEST, "apiVersion", message)
    elif kind in NOT_SUPPORTED:
        message = f"{kind} is not supported by this controller: it reads AWS, and writes nothing"
        yield located.found(rules.NOT_SUPPORTED, "kind", message)
    elif kind not in known_kinds(group):
        message = f"{quote(kind)} is not a kind of {group} that this controller has"
        yield located.found(rules.MANIFEST, "kind", message, did_you_mean(kind, known_kinds(group)))


def nothing_to_check(source: Source, *, is_patch: bool) -> Finding:
    """The finding for a named file without anything to check."""
    message = "holds no SecretProviderClass, no External Secrets resource, and no ServiceAccount"
    hint = ""
    if is_patch:
        message = "is a patch of a Kustomization, and no whole manifest"
        hint = "kustomize build DIR | secrets-provider-aws validate -"
    return Finding(rules.NOTHING, source.name, Place(1, 1), "", "", message, hint)


def _is_similar(kind: str) -> bool:
    """Whether a kind is nearly, but not exactly, that of a class."""
    if kind == KIND or kind in _OTHER_KINDS or abs(len(kind) - len(KIND)) > 4:
        return False
    return SequenceMatcher(None, kind.lower(), KIND.lower()).ratio() >= _SIMILAR


_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_DIRECTIVE = "$patch"


def patch_files(sources: Iterable[Source]) -> set[str]:
    """The files that Kustomizations use as patches: those beside the sources, or one folder up."""
    folders: set[Path] = set()
    for source in sources:
        if source.is_file:
            folder = Path(source.name).parent
            folders |= {folder, folder / os.pardir}
    files = (folder / name for folder in folders for name in _KUSTOMIZATIONS)
    return {_normal(str(file.parent / one)) for file in files for one in _patches(file)}


def is_patch_file(source: Source, patches: set[str]) -> bool:
    """Whether a source is one of the patches."""
    return source.is_file and _normal(source.name) in patches


def has_directive(node: Node) -> bool:
    """Whether a manifest has a directive of a strategic merge patch, such as `$patch: delete`."""
    if isinstance(node, Scalar):
        return False
    if isinstance(node, Fields) and _DIRECTIVE in node.entries:
        return True
    return any(map(has_directive, node.nodes))


def _normal(name: str) -> str:
    return os.path.abspath(name)  # noqa: PTH100 (links are not followed)


def _patches(file: Path) -> Iterator[str]:
    """The paths of the patches of a Kustomization; none if there is no such file."""
    try:
        if not file.is_file():
            return
        node = read_document(read_text(str(file)), "")
    except (OSError, InvalidSpec, Unreadable):
        return
    if not isinstance(node, Fields):
        return
    for key in ("patches", "patchesJson6902"):
        for _, one in mappings(node[key]):
            if path := text(one["path"]):
                yield path
    merged = node["patchesStrategicMerge"]
    for item in merged.nodes if isinstance(merged, Items) else ():
        if (path := text(item)) and "\n" not in path:
            yield path
