"""Checks of `filePermission`.

The default of the driver, 0644, lets every user of the pod read, and files belong to root. An
explicit mode that does the same is only a note.
"""

import re
from collections.abc import Iterator

from provider.manifests.nodes import Node, Scalar
from provider.manifests.problems import quote
from provider.tools.validate import findings as rules
from provider.tools.validate.classes import Reviewed, value
from provider.tools.validate.findings import Finding, Rule
from provider.tools.workloads import mappings

_MODE = re.compile("0[0-7]{3}")
_READABLE = (
    "lets every user of the pod read, like the default; files belong to root, so pods that run as "
    "another user need it"
)


def check_modes(reviewed: Reviewed) -> Iterator[Finding]:
    """Explicit modes that give more or fewer permissions than the file of a secret needs."""
    for path, node in _modes(reviewed):
        if not isinstance(node, Scalar) or not _MODE.fullmatch(node.text):
            continue  # the parser reports it
        remark = _remark(int(node.text, 8))
        if remark:
            rule, message = remark
            yield reviewed.found_inside(rule, path, f"{quote(node.text)} {message}", node)


def _modes(reviewed: Reviewed) -> Iterator[tuple[str, Node | None]]:
    for index, obj in enumerate(reviewed.objects):
        path = f"objects[{index}]"
        yield f"{path}.filePermission", value(obj, "filePermission")
        for at, entry in mappings(value(obj, "jmesPath")):
            yield f"{path}.jmesPath[{at}].filePermission", value(entry, "filePermission")


def _remark(mode: int) -> tuple[Rule, str] | None:
    if mode & 0o002:
        return rules.FILE_MODE, "lets every user of the pod write"
    if mode & 0o111:
        return rules.FILE_MODE, "makes the file executable"
    if not mode & 0o444:
        return rules.FILE_MODE, "lets only root read"
    return (rules.WORLD_READABLE, _READABLE) if mode & 0o004 else None
