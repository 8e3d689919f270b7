"""Patches of Kustomizations: parts of manifests, which must not be checked as whole ones."""

import os.path
from collections.abc import Iterable, Iterator
from pathlib import Path

from provider.manifests.nodes import Fields, Items, Node, Scalar
from provider.manifests.yaml_tree import NotReadable, read_document
from provider.tools.sources import Source, Unreadable, read_text
from provider.tools.workloads import mappings, text

_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_DIRECTIVE = "$patch"
_DEEPEST = 64


def patch_files(sources: Iterable[Source]) -> set[str]:
    """The files that Kustomizations use as patches: those beside the sources, or one folder up."""
    folders: set[Path] = set()
    for source in sources:
        if source.name != "stdin":
            folder = Path(source.name).parent
            folders |= {folder, folder / os.pardir}
    files = (folder / name for folder in folders for name in _NAMES)
    return {_normal(str(file.parent / one)) for file in files for one in _patches(file)}


def is_patch_file(source: Source, patches: set[str]) -> bool:
    """Whether a source is one of the patches."""
    return _normal(source.name) in patches


def has_directive(node: Node, depth: int = 0) -> bool:
    """Whether a manifest has a directive of a strategic merge patch, such as `$patch: delete`."""
    if depth > _DEEPEST or isinstance(node, Scalar):
        return False
    if isinstance(node, Items):
        return any(has_directive(one, depth + 1) for one in node.nodes)
    if _DIRECTIVE in node.entries:
        return True
    return any(has_directive(one.node, depth + 1) for one in node.entries.values())


def _normal(name: str) -> str:
    return os.path.abspath(name)  # noqa: PTH100 (links are not followed)


def _patches(file: Path) -> Iterator[str]:
    """The paths of the patches of a Kustomization; none if there is no such file."""
    try:
        if not file.is_file():
            return
        node = read_document(read_text(str(file)))
    except (OSError, NotReadable, Unreadable):
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
