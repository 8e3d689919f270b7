"""Makes the SecretStores and ExternalSecrets that give the same values as a class.

Each entry of `secretObjects` becomes an ExternalSecret, which writes the same Secret. A class
without any becomes one ExternalSecret, whose keys are the files.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provider.csi.request.model import ClassSpec
from provider.manifests.nodes import Fields
from provider.manifests.problems import quote
from provider.tools.convert.class_sources import Loss, Many, Remote, Service, notes, sources
from provider.tools.convert.commented_yaml import dump
from provider.tools.convert.remarks import Converted, Remark, Remarks, findings
from provider.tools.validate.classes import Reviewed
from provider.tools.workloads import at, mappings, text

API = "external-secrets.io/v1"
_POD_IDENTITY = (
    "stores cannot use EKS Pod Identity: annotate the service account with "
    "eks.amazonaws.com/role-arn, or leave out auth for the role of the controller"
)


Lose = Callable[[str, str], None]
"""Notes a path and why what is there is lost."""


def convert_class(
    klass: Reviewed, spec: ClassSpec, region: str | None, account: str | None
) -> Converted:
    """The resources for a class without mistakes.

    `region` is that of a class without one, `account` the service account of pods that mount it.
    """
    remarks, documents, owner = Remarks(), list[Mapping[str, Any]](), klass.manifest.path
    converted = Converted(owner, klass, documents, remarks, with_lines=False)

    def lose(path: str, why: str) -> None:
        file, line = klass.source.name, klass.manifest.node.line
        remarks.lost.append(Remark(file, line, path, why, owner))

    region = spec.region or region
    if region is None:
        lose("spec.parameters.region", "the class names no region: add --region")
        return converted
    files: dict[str, Remote] = {}
    many: list[Many] = []
    for one in sources(spec):
        if isinstance(one, Loss):
            lose(f"spec.parameters.{one.path}", one.text)
        elif isinstance(one, Many):
            many.append(one)
        else:
            files[one[0]] = one[1]
    remarks.notes += notes(spec, [*files], [_key(one) for one in files], _used(klass))
    if not account:
        lose("", "no pod in the files mounts the class: add --service-account")
    stores = _Stores(klass, spec, region, account or "default")
    for path, why in stores.losses():
        lose(path, why)
    secrets = [*_secrets(klass, files, many, lose)]
    documents += stores.documents([*files.values(), *many])
    documents += (
        _external_secret(klass, one, stores) for one in secrets if one.data or one.data_from
    )
    for text_ in findings("---\n".join(map(dump, documents))):
        lose("", text_)
    return converted


@dataclass(frozen=True, slots=True)
class _Secret:
    """One Secret: its name, template, and entries."""

    name: str
    template: Mapping[str, Any]
    data: Mapping[str, Remote]
    data_from: Sequence[Many] = ()


@dataclass(frozen=True, slots=True)
class _Stores:
    """The stores of a class: one for each service that it reads."""

    klass: Reviewed
    spec: ClassSpec
    region: str
    account: str

    def name(self, service: Service) -> str:
        return f"{self.klass.name}-{'parameters' if service == 'ParameterStore' else 'secrets'}"

    def documents(self, used: Sequence[Remote | Many]) -> Iterator[Mapping[str, Any]]:
        for service in dict.fromkeys(one.service for one in used):
            aws: dict[str, Any] = {"service": service, "region": self.region}
            if self.spec.assume_role is not None:
                aws["role"] = self.spec.assume_role.arn
                external = self.spec.assume_role.external_id
                aws |= {"externalID": external} if external else {}
            aws["auth"] = {"jwt": {"serviceAccountRef": {"name": self.account}}}
            yield {
                "apiVersion": API,
                "kind": "SecretStore",
                "metadata": _metadata(self.klass, self.name(service)),
                "spec": {"provider": {"aws": aws}},
            }

    def losses(self) -> Iterator[tuple[str, str]]:
        """Path and text of what stores cannot do."""
        spec = self.spec
        if spec.identity_kind != "irsa":
            yield "spec.parameters.usePodIdentity", _POD_IDENTITY
        if spec.role_arn:
            why = f"annotate the service account with eks.amazonaws.com/role-arn: {spec.role_arn}"
            yield "spec.parameters.roleArn", why
        if spec.session_tags:
            why = "a store sets other session tags: see sessionTagsPolicy"
            yield "spec.parameters.assumeRoleSessionTags", why
        if spec.failover_region:
            why = "a store reads one region: there is no failover"
            yield "spec.parameters.failoverRegion", why


def _secrets(
    klass: Reviewed, files: Mapping[str, Remote], many: Sequence[Many], lose: Lose
) -> Iterator[_Secret]:
    given = [*mappings(at(klass.manifest.node, "spec", "secretObjects"))]
    if not given:
        keys = {_key(file): remote for file, remote in files.items()}
        yield _Secret(klass.name, {}, keys, many)
        return
    for index, secret in given:
        path = f"spec.secretObjects[{index}]"
        data: dict[str, Remote] = {}
        for number, entry in mappings(secret["data"]):
            file, key = text(entry["objectName"]), text(entry["key"])
            if file in files:
                data[key] = files[file]
            elif len(many) == 1 and file.startswith(many[0].prefix):
                data[key] = many[0].one(file)
            else:
                why = f"{quote(file)} is not a file whose source is known"
                lose(f"{path}.data[{number}].objectName", why)
        kind = text(secret["type"]) or "Opaque"
        remotes = [*data.values()]
        if kind == "kubernetes.io/tls" and len({*remotes}) < len(remotes):
            why = (
                "the driver takes certificate and key out of one file: use filterPEM in a template"
            )
            lose(f"{path}.type", why)
        yield _Secret(text(secret["secretName"]), _template(secret, kind), data)


def _used(klass: Reviewed) -> set[str] | None:
    """The files that `secretObjects` names; None where the class has none."""
    given = [*mappings(at(klass.manifest.node, "spec", "secretObjects"))]
    entries = (entry for _, secret in given for _, entry in mappings(secret["data"]))
    return {text(entry["objectName"]) for entry in entries} if given else None


def _template(secret: Fields, kind: str) -> Mapping[str, Any]:
    metadata = {name: _texts(secret[name]) for name in ("labels", "annotations")}
    about = {name: texts for name, texts in metadata.items() if texts}
    template: dict[str, Any] = {} if kind == "Opaque" else {"type": kind}
    return {**template, **({"metadata": about} if about else {})}


def _texts(node: object) -> dict[str, str]:
    entries = node.entries if isinstance(node, Fields) else {}
    return {key: text(one.node) for key, one in entries.items()}


def _external_secret(klass: Reviewed, secret: _Secret, stores: _Stores) -> Mapping[str, Any]:
    used: list[Remote | Many] = [*secret.data.values(), *secret.data_from]
    services = [*dict.fromkeys(one.service for one in used)]
    target: dict[str, Any] = {"name": secret.name}
    if secret.template:
        target["template"] = dict(secret.template)
    spec: dict[str, Any] = {
        "refreshInterval": "1h",
        "secretStoreRef": {"kind": "SecretStore", "name": stores.name(services[0])},
        "target": target,
    }

    def source(service: Service) -> Mapping[str, Any]:
        if service == services[0]:
            return {}
        return {"sourceRef": {"storeRef": {"kind": "SecretStore", "name": stores.name(service)}}}

    if secret.data:
        spec["data"] = [
            {"secretKey": key, "remoteRef": dict(one.as_ref()), **source(one.service)}
            for key, one in secret.data.items()
        ]
    if secret.data_from:
        spec["dataFrom"] = [{**one.entry, **source(one.service)} for one in secret.data_from]
    metadata = _metadata(klass, secret.name)
    return {"apiVersion": API, "kind": "ExternalSecret", "metadata": metadata, "spec": spec}


def _metadata(klass: Reviewed, name: str) -> Mapping[str, str]:
    namespace = klass.klass.namespace
    return {"name": name, **({"namespace": namespace} if namespace else {})}


def _key(file: str) -> str:
    """A file as the key of a Secret."""
    return re.sub(r"[^-._a-zA-Z0-9]", "_", file)
