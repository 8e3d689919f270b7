"""Checks of `filePermission`: whom a file is opened to.

The driver's own default, 0644, lets everyone in the pod read, and files belong to root; so an
explicit mode that does the same is worth a note and no more.
"""

import re
from collections.abc import Iterator

from provider.tools.review import findings as rules
from provider.tools.review.classes import Reviewed, mappings, value
from provider.tools.review.findings import Finding, Rule
from provider.manifests.nodes import Node, Scalar
from provider.manifests.problems import quote

_MODE = re.compile("[0-7]{4}")
_READABLE = (
    "lets every user of the pod read, as the default does; files belong to root, so that whoever "
    "runs as another user needs it"
)


def check_modes(reviewed: Reviewed) -> Iterator[Finding]:
    """Every explicit mode that does more, or less, than one wants of a secret's file."""
    for path, node in _modes(reviewed):
        if not isinstance(node, Scalar) or not _MODE.fullmatch(node.text):
            continue  # the parser has said it
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
    if mode & 0o7000:
        return rules.FILE_MODE, "sets setuid, setgid or sticky, which no secret needs"
    if mode & 0o002:
        return rules.FILE_MODE, "lets every user of the pod write"
    if mode & 0o111:
        return rules.FILE_MODE, "makes the file executable"
    if not mode & 0o444:
        return rules.FILE_MODE, "lets nobody read but root"
    return (rules.WORLD_READABLE, _READABLE) if mode & 0o004 else None
