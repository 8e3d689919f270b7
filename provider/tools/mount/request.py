"""The request that the driver would send for a pod with a given class."""

import json
from collections.abc import Mapping
from pathlib import Path

from provider.csi.request.attributes import CLASS_NAME, POD_KEYS, PREFIX, TOKENS, RawRequest
from provider.csi.request.model import Pod
from provider.manifests.kubernetes import ClassManifest, read_classes
from provider.manifests.problems import InvalidSpec, Problem, quote

_PERMISSION = "420"
"""The driver's default: 0644, in decimal."""


def choose_class(text: str, name: str | None) -> ClassManifest:
    """The class called `name`, or the only one; raises `InvalidSpec`."""
    classes = read_classes(text)
    chosen = [one for one in classes if name in (None, one.name)]
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(quote(one.name) for one in classes)
    if not classes:
        why = "holds no SecretProviderClass"
    elif name is None:
        why = f"holds several classes, {names}: choose one with --class"
    else:
        why = f"must hold one class {quote(name)}, holds {names}"
    raise InvalidSpec([Problem("manifest", why)])


def make_request(
    klass: ClassManifest,
    pod: Pod,
    target: Path,
    *,
    overrides: Mapping[str, str],
    tokens: Mapping[str, str],
) -> RawRequest:
    """The class's parameters, replaced by `overrides`, and what Kubernetes adds."""
    attributes = klass.parameters | dict(overrides)
    attributes |= {key: getattr(pod, name) for name, key in POD_KEYS.items()}
    attributes |= {f"{PREFIX}ephemeral": "true", CLASS_NAME: klass.name}
    if tokens:
        by_audience = {audience: {"token": token} for audience, token in tokens.items()}
        attributes[TOKENS] = json.dumps(by_audience)
    return RawRequest(json.dumps(attributes), "null", _PERMISSION, str(target))
