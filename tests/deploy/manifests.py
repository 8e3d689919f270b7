"""Reading, rendering and checking of manifests, for the tests of deploy/."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate.utils
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
EXAMPLES = DEPLOY / "examples"
DATA = Path(__file__).parent / "data"

KUBERNETES = ("1.28", "1.37")
"""Versions of the API that manifests are held against: the oldest and the newest. Between them the
API only gains fields."""

Document = Mapping[str, Any]

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# It reads megabytes of schemas anew for every document.
kubernetes_validate.utils.schema_contents = cache(kubernetes_validate.utils.schema_contents)


def documents(path: Path) -> tuple[Document, ...]:
    """All documents of a manifest file."""
    return _loaded(path.read_text())


def rendered(base: Path) -> tuple[Document, ...]:
    """What `kubectl apply -k` would apply."""
    if not base.is_relative_to(DEPLOY):
        return _loaded(_run("kubectl", "kustomize", base))
    return _loaded(_kept("kubectl", "kustomize", base))


def templated(
    chart: Path,
    values: Mapping[str, Any],
    *,
    release: str = "secrets-provider-aws",
    namespace: str = "kube-system",
) -> tuple[Document, ...]:
    """What `helm install` would apply; raises `HelmRefused`."""
    where = ("--namespace", namespace, "--values", "-")
    return _loaded(_kept("helm", "template", release, chart, *where, given=json.dumps(values)))


def notes(chart: Path, values: Mapping[str, Any]) -> str:
    """What `helm install` tells whoever installs."""
    where = ("--namespace", "kube-system", "--dry-run=client", "--values", "-")
    arguments = ("install", "secrets-provider-aws", chart, *where)
    return _kept("helm", *arguments, given=json.dumps(values)).partition("\nNOTES:\n")[2]


class HelmRefused(Exception):
    """Helm would not render the chart; the message is its own."""


def _kept(tool: str, *arguments: str | Path, given: str = "") -> str:
    """What a tool makes of deploy/: read from build/rendered if nothing has changed since."""
    asked = "\n".join((_state(), tool, *map(str, arguments), given))
    path = ROOT / "build" / "rendered" / sha256(asked.encode()).hexdigest()
    refused = path.with_suffix(".refused")
    if refused.exists():
        raise HelmRefused(refused.read_text())
    if not path.exists():
        try:
            _keep(path, _run(tool, *arguments, given=given))
        except HelmRefused as refusal:
            _keep(refused, str(refusal))
            raise
    return path.read_text()


def _keep(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(f".{os.getpid()}")
    new.write_text(text)
    new.rename(path)


@cache
def _state() -> str:
    """A hash of deploy/ and of the versions of the tools."""
    files = [ROOT / "requirements" / "tools.txt", *sorted(DEPLOY.rglob("*"))]
    hashes = (f"{path} {sha256(path.read_bytes()).hexdigest()}" for path in files if path.is_file())
    return sha256("\n".join(hashes).encode()).hexdigest()


def program(tool: str) -> Path:
    """The path of kubectl or helm; fails the test where there is none."""
    path = Path(sys.executable).parent / tool
    assert path.exists(), f"no {tool} in the venv: make tools"
    return path


def _run(tool: str, *arguments: str | Path, given: str | None = None) -> str:
    done = subprocess.run(
        [program(tool), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
        input=given,
    )
    if done.returncode != 0:
        is_refused = tool == "helm" and done.returncode == 1
        raise HelmRefused(done.stderr) if is_refused else AssertionError(done.stderr)
    return done.stdout


@cache
def _loaded(text: str) -> tuple[Document, ...]:
    """Its documents, which all tests share: who changes one copies it first."""
    return tuple(document for document in yaml.load_all(text, _Loader) if document is not None)


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
        _CLASS.validate(document)
    elif document["apiVersion"].startswith("monitoring.coreos.com/"):
        _MONITORS.validate(document)
    else:
        kubernetes_validate.validate(dict(document), version, strict=True)


def load_json(name: str) -> Any:
    """A file of tests/deploy/data."""
    return json.loads((DATA / name).read_text())


SECRET_PROVIDER_CLASS = load_json("secretproviderclass-v1.schema.json")
_CLASS = jsonschema.Draft7Validator(SECRET_PROVIDER_CLASS)
_MONITORS = jsonschema.Draft7Validator(load_json("prometheus-operator-v1.schema.json"))


def names(found: Sequence[Document]) -> list[str]:
    """Kinds and names, to name tests by."""
    return [f"{document['kind']}-{document['metadata']['name']}" for document in found]
