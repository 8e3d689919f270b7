"""Patches of Kustomizations: parts of manifests, which must not be checked as whole ones."""

import os.path
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from provider.manifests.nodes import Fields, Items, Node, Scalar
from provider.manifests.yaml_tree import NotReadable, read_document
from provider.tools.sources import Source
from provider.tools.workloads import mappings, text

_NAMES = frozenset({"kustomization.yaml", "kustomization.yml"})
_DIRECTIVE = "$patch"
_DEEPEST = 64


def patch_files(sources: Iterable[Source]) -> set[str]:
    """The names of the files that Kustomizations among the sources use as patches."""
    found: set[str] = set()
    for source in sources:
        if PurePath(source.name).name.lower() in _NAMES:
            folder = os.path.dirname(source.name)  # noqa: PTH120 (names, no files)
            found.update(os.path.normpath(os.path.join(folder, one)) for one in _paths(source))  # noqa: PTH118
    return found


def is_patch_file(source: Source, patches: set[str]) -> bool:
    """Whether a file of a folder is one of the patches."""
    return not source.is_named and os.path.normpath(source.name) in patches


def has_directive(node: Node, depth: int = 0) -> bool:
    """Whether a manifest has a directive of a strategic merge patch, such as `$patch: delete`."""
    if depth > _DEEPEST or isinstance(node, Scalar):
        return False
    if isinstance(node, Items):
        return any(has_directive(one, depth + 1) for one in node.nodes)
    if _DIRECTIVE in node.entries:
        return True
    return any(has_directive(one.node, depth + 1) for one in node.entries.values())


def _paths(source: Source) -> Iterator[str]:
    try:
        node = read_document(source.text)
    except NotReadable:
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
