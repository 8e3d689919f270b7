"""Reading, rendering and checking of manifests, for the tests of deploy/."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
EXAMPLES = DEPLOY / "examples"
DATA = Path(__file__).parent / "data"

KUBERNETES = ("1.28", "1.32", "1.37")
"""Versions of the API that manifests are held against, the oldest first."""

Document = Mapping[str, Any]


def documents(path: Path) -> tuple[Document, ...]:
    """All documents of a manifest file."""
    return _loaded(path.read_text())


def rendered(base: Path) -> tuple[Document, ...]:
    """What `kubectl apply -k` would apply."""
    kubectl = Path(sys.executable).parent / "kubectl"
    assert kubectl.exists(), "no kubectl in the venv: make tools"
    done = subprocess.run(
        [kubectl, "kustomize", base], check=True, capture_output=True, text=True, timeout=30
    )
    return _loaded(done.stdout)


def _loaded(text: str) -> tuple[Document, ...]:
    return tuple(document for document in yaml.safe_load_all(text) if document is not None)


def of_kind(found: Iterable[Document], kind: str) -> Iterator[Document]:
    """Those of one kind."""
    return (document for document in found if document["kind"] == kind)


def only(found: Iterable[Document], kind: str) -> Document:
    """The one of that kind."""
    [document] = of_kind(found, kind)
    return document


def pods(found: Iterable[Document]) -> Iterator[Document]:
    """The specs of pods, those in the templates of workloads as well."""
    for document in found:
        if document["kind"] == "Pod":
            yield document["spec"]
        elif "template" in document.get("spec", {}):
            yield document["spec"]["template"]["spec"]


def validate(document: Document, version: str) -> None:
    """Raise where the API server of that Kubernetes version would refuse or drop something."""
    if document["kind"] == "SecretProviderClass":
        jsonschema.validate(document, SECRET_PROVIDER_CLASS)
    else:
        kubernetes_validate.validate(dict(document), version, strict=True)


def load_json(name: str) -> Any:
    """A file of tests/deploy/data."""
    return json.loads((DATA / name).read_text())


SECRET_PROVIDER_CLASS = load_json("secretproviderclass-v1.schema.json")


def names(found: Sequence[Document]) -> list[str]:
    """Kinds and names, to name tests by."""
    return [f"{document['kind']}-{document['metadata']['name']}" for document in found]
