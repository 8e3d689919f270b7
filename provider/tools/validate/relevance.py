"""Which files of a folder hold something to check, and kinds that are nearly those to check.

A folder of a GitOps repository also has Helm values, workflows, patches, schemas and Kustomizations
that mention SecretProviderClasses. Only Kubernetes manifests with a kind to check count.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from provider.manifests.kubernetes import Manifest
from provider.manifests.problems import quote
from provider.tools.sources import Source
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding
from provider.tools.workloads import DRIVER, pods, volumes

GROUP = "secrets-store.csi.x-k8s.io"
KIND = "SecretProviderClass"

_KINDS = re.compile(r"""\bkind["']?\s*:\s*["']?(\w+)""")
_CLASS = re.compile(
    rf"""(?:^[ \t]*(?:-[ \t]+)?|[{{,]\s*)["']?kind["']?\s*:\s*["']?{KIND}["']?\s*(?:$|[,}}#])""",
    re.MULTILINE,
)
"""The kind of a class in a text that cannot be parsed."""
_OTHER_KINDS = {"SecretProviderClassPodStatus"}
"""Kinds of the group that users do not write."""
_SIMILAR = 0.85


def is_relevant(text: str) -> bool:
    """Whether a file must be parsed to know whether it holds something to check."""
    if KIND.lower() in text.lower() or GROUP in text or DRIVER in text:
        return True
    kinds = set(_KINDS.findall(text))
    return "ServiceAccount" in kinds or any(map(_is_similar, kinds))


def seems_to_hold_class(source: Source) -> bool:
    """Whether a file that cannot be parsed is meant to hold a class."""
    return source.is_named or _CLASS.search(source.text) is not None


def is_checked(manifest: Manifest) -> bool:
    """Whether there is something to check in a manifest."""
    if manifest.kind in {KIND, "ServiceAccount"}:
        return bool(manifest.api_version) or manifest.kind == KIND
    if manifest.api_version.startswith(f"{GROUP}/") or _is_similar(manifest.kind):
        return True
    return any(True for _, pod in pods(manifest.node) for _ in volumes(pod))


def check_kind(source: Source, manifest: Manifest) -> Iterator[Finding]:
    """A kind that does not exist and is nearly that of a class."""
    kind, of_group = manifest.kind, manifest.api_version.startswith(f"{GROUP}/")
    if not kind or kind in {KIND, *_OTHER_KINDS} or not (of_group or _is_similar(kind)):
        return
    message = f"{quote(kind)} is not a kind" + (f" of {GROUP}" if of_group else "")
    at = manifest.node["kind"] or manifest.node
    place = (source.name, at.line, at.column)
    yield Finding(rules.MANIFEST, *place, manifest.path, "kind", message, f"did you mean {KIND}")


def nothing_to_check(source: Source) -> Finding:
    """The finding for a named file without anything to check."""
    message = "holds no SecretProviderClass, no pod that mounts one, and no ServiceAccount"
    return Finding(rules.NOTHING, source.name, 1, 1, "", "", message)


def _is_similar(kind: str) -> bool:
    """Whether a kind is nearly, but not exactly, that of a class."""
    if kind == KIND or kind in _OTHER_KINDS or abs(len(kind) - len(KIND)) > 4:
        return False
    return SequenceMatcher(None, kind.lower(), KIND.lower()).ratio() >= _SIMILAR
