"""What namespaces ask for, drawn at random, and what their Secrets must hold in the end.

Every name and value in AWS begins with the namespace that may read it, so that whatever arrives in
a Secret, or is asked of AWS, can be judged alone.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from tests.controller.e2e.test_lifecycle import REGION
from tests.controller.e2e.world import World

CANARY = "c4nary"
"""In every value, and never in a log, an Event or a condition."""
SECRETS, OPTIONAL = 4, 2
"""Secrets that come back at the latest when all is well, and those that may stay away."""
MOST_OBJECTS = 6
"""ExternalSecrets of a namespace."""

Deletion = Literal["Retain", "Delete", "Merge"]
PROPERTIES = ("user", "password")


@dataclass(frozen=True, slots=True)
class Manifest:
    """An ExternalSecret. `keys` are keys of the Secret, names in AWS, and properties."""

    name: str
    store: str
    target: str
    keys: tuple[tuple[str, str, str], ...]
    extract: str
    deletion: Deletion
    has_template: bool

    def document(self) -> dict[str, Any]:
        """As it is applied."""
        data = [
            {"secretKey": key, "remoteRef": {"key": name, "property": prop}}
            for key, name, prop in self.keys
        ]
        target: dict[str, Any] = {"name": self.target, "deletionPolicy": self.deletion}
        if self.has_template:
            target["template"] = {"data": {"all": _template(self.keys)}}
        return {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": self.name},
            "spec": {
                "refreshInterval": "1s",
                "secretStoreRef": {"name": self.store},
                "target": target,
                "data": data,
                **({"dataFrom": [{"extract": {"key": self.extract}}]} if self.extract else {}),
            },
        }

    def expected(self, values: Mapping[str, Mapping[str, str]]) -> dict[str, str] | None:
        """What the Secret holds in the end; None if there is to be none."""
        found = dict(values.get(self.extract, {}))
        found |= {key: values[name][prop] for key, name, prop in self.keys if name in values}
        if self.has_template:
            return {"all": "/".join(found[key] for key, _, _ in self.keys)}
        return None if not found and self.deletion == "Delete" else found


def _template(keys: tuple[tuple[str, str, str], ...]) -> str:
    return "/".join(f"{{{{ .{key} }}}}" for key, _, _ in keys)


@dataclass
class Tenant:
    """One namespace with its stores, secrets and ExternalSecrets. Used by one thread."""

    world: World
    random: Random
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    """Targets of ExternalSecrets that are gone, or have another target by now."""
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**6)))

    def __post_init__(self) -> None:
        place = self.world.namespace
        self.world.keys(place, "keys", "id", "secret")
        self.role = self.world.role(place, "app")
        self._rights = {id(one): list(one.allow) for one in (self.role, self.world.user.role)}
        for name, service in (("secrets", "SecretsManager"), ("parameters", "ParameterStore")):
            auth = {"jwt": {"serviceAccountRef": {"name": "app"}}}
            keys = {"name": "keys", "key": "id"}, {"name": "keys", "key": "secret"}
            if name == "secrets":
                both = ("accessKeyIDSecretRef", "secretAccessKeySecretRef")
                auth = {"secretRef": dict(zip(both, keys, strict=True))}
            self._apply_store(name, {"service": service, "region": REGION, "auth": auth})
        for name in [*self.names("secrets"), *self.names("parameters")]:
            self.rotate(name)

    def _apply_store(self, name: str, aws: Mapping[str, Any]) -> None:
        document = {
            "apiVersion": "external-secrets.io/v1",
            "kind": "SecretStore",
            "metadata": {"name": name},
            "spec": {"provider": {"aws": aws}},
        }
        self.world.apply(json.dumps(document))

    def names(self, store: str, *, optional: bool = False) -> list[str]:
        """Names in AWS of a store."""
        slash, kind = ("/", "parameter") if store == "parameters" else ("", "secret")
        kind, number = (f"optional-{kind}", OPTIONAL) if optional else (kind, SECRETS)
        return [f"{slash}{self.world.namespace}/{kind}-{index}" for index in range(number)]

    def optional_names(self) -> list[str]:
        """Those that may be missing for good."""
        return self.names("secrets", optional=True) + self.names("parameters", optional=True)

    # ---- AWS

    def rotate(self, name: str) -> None:
        """Make a secret, or give it its next version."""
        number = next(self._numbers)
        value = {prop: f"{CANARY}-{name}-{prop}-{number}" for prop in PROPERTIES}
        cloud = self.world.aws.cloud
        put = cloud.put_parameter if name.startswith("/") else cloud.put_secret
        put(name, json.dumps(value), region=REGION)
        self.values[name] = value

    def remove(self, name: str) -> None:
        """Delete a secret from AWS."""
        if self.values.pop(name, None) is None:
            return
        cloud = self.world.aws.cloud
        remove = cloud.remove_parameter if name.startswith("/") else cloud.remove_secret
        remove(name, region=REGION)

    def permit(self, *, allowed: bool) -> None:
        """Let the identities of the namespace read, or not."""
        for one in (self.role, self.world.user.role):
            one.allow = list(self._rights[id(one)]) if allowed else []

    def restore(self) -> None:
        """All is well again: whatever must be there is."""
        self.permit(allowed=True)
        for name in [*self.names("secrets"), *self.names("parameters")]:
            if name not in self.values:
                self.rotate(name)

    # ---- Kubernetes

    def apply(self) -> None:
        """Make an ExternalSecret, or change one."""
        new = len(self.manifests) < MOST_OBJECTS and self.random.random() < 0.5
        name = f"es-{next(self._numbers)}" if new or not self.manifests else self._any()
        old = self.manifests.get(name)
        manifest = self._drawn(name, old)
        if old is not None and old.target != manifest.target:
            self.deleted.add(old.target)
        self.world.apply(json.dumps(manifest.document()))
        self.manifests[name] = manifest

    def _drawn(self, name: str, old: Manifest | None) -> Manifest:
        random = self.random
        store = random.choice(("secrets", "parameters"))
        deletion: Deletion = random.choice(("Retain", "Retain", "Delete", "Merge"))
        there = self.names(store, optional=deletion != "Retain")
        is_renamed = old is None or random.random() < 0.2
        keys = tuple(
            (f"key-{index}", random.choice(there), random.choice(PROPERTIES))
            for index in range(random.randint(1, 3))
        )
        has_template = deletion == "Retain" and random.random() < 0.3
        if has_template:
            keys = tuple((key.replace("-", "_"), *rest) for key, *rest in keys)  # type: ignore[misc]
        return Manifest(
            name=name,
            store=store,
            target=f"{name}-{next(self._numbers)}" if is_renamed or old is None else old.target,
            keys=keys,
            extract=random.choice((*there, "")),
            deletion=deletion,
            has_template=has_template,
        )

    def delete(self) -> None:
        """Delete an ExternalSecret; its Secret goes with it."""
        if self.manifests:
            manifest = self.manifests.pop(self._any())
            self.world.delete("ExternalSecret", manifest.name)
            self.deleted.add(manifest.target)

    def tamper(self) -> None:
        """Change or delete a Secret behind the controller's back."""
        if not self.manifests:
            return
        target = self.manifests[self._any()].target
        path = self.world.path("Secret", target)
        if self.random.random() < 0.5:
            self.world.cluster.ask("DELETE", path)
        else:
            change = {"data": {"intruder": "Ynk="}}
            self.world.cluster.ask("PATCH", path, change, "application/merge-patch+json")

    def _any(self) -> str:
        return self.random.choice(sorted(self.manifests))

    def complaints(self) -> Iterator[str]:
        """What is not as it should be now."""
        for manifest in self.manifests.values():
            expected = manifest.expected(self.values)
            found = self.world.data(manifest.target)
            if found != expected:
                ready = self.world.ready("ExternalSecret", manifest.name)
                yield f"{manifest}: {found}, not {expected}; {ready}"
            elif self.world.ready("ExternalSecret", manifest.name)[0] != "True":
                yield f"{manifest}: {self.world.ready('ExternalSecret', manifest.name)}"
        for target in self.deleted:
            if self.world.data(target) is not None:
                owners = [one for one in self.manifests.values() if target.startswith(one.name)]
                yield f"{self.world.namespace}/{target} is left, of {owners}"
