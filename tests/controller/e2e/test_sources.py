"""What values come from besides single secrets: searches, whole secrets, generators."""

import json
import re
from typing import Any

import pytest

from tests.controller.e2e.test_lifecycle import REGION, STORE, external_secret, ready_world, synced
from tests.controller.e2e.world import World
from tests.waiting import eventually

GENERATORS = "generators.external-secrets.io/v1alpha1"


def generator(kind: str, **spec: Any) -> str:
    about = {"apiVersion": GENERATORS, "kind": kind, "metadata": {"name": kind.lower()}}
    return json.dumps({**about, "spec": spec})


def generated(kind: str, name: str = "", **more: Any) -> dict[str, Any]:
    ref = {"apiVersion": GENERATORS, "kind": kind, "name": name or kind.lower()}
    return {"sourceRef": {"generatorRef": ref}, **more}


def keys() -> dict[str, Any]:
    return {
        "secretRef": {
            "accessKeyIDSecretRef": {"name": "keys", "key": "id"},
            "secretAccessKeySecretRef": {"name": "keys", "key": "secret"},
        }
    }


@pytest.mark.parametrize("service", ["SecretsManager", "ParameterStore"])
def test_find_by_name_path_and_tags(world: World, service: str) -> None:
    ready_world(world)
    cloud, place = world.aws.cloud, f"/{world.namespace}"
    put = cloud.put_secret if service == "SecretsManager" else cloud.put_parameter
    put(f"{place}/a", "1", region=REGION, tags={world.namespace: "x"})
    put(f"{place}/b", "2", region=REGION, tags={world.namespace: "xy"})
    put(f"/elsewhere{place}/a", "3", region=REGION)
    world.apply(STORE.replace("SecretsManager", service))
    strip = [{"regexp": {"source": ".*/", "target": ""}}]
    path = f"{place}/" if service == "SecretsManager" else place
    finds: dict[str, Any] = {
        "by-name": {"name": {"regexp": f"^{place}/.$"}},
        "by-path": {"path": path, "name": {"regexp": "b$"}},
        "by-tags": {"tags": {world.namespace: "x"}},
    }
    for name, find in finds.items():
        entry = {"find": find, "rewrite": strip}
        world.apply(external_secret(name, data=[], dataFrom=[entry]))
        synced(world, name)
    found = {name: world.data(name) for name in finds}
    assert found == {"by-name": {"a": "1", "b": "2"}, "by-path": {"b": "2"}, "by-tags": {"a": "1"}}


def test_a_whole_secret_and_one_key_over_it(world: World) -> None:
    ready_world(world)
    world.apply(external_secret(dataFrom=[{"extract": {"key": "db"}}, {"extract": {"key": "db"}}]))
    synced(world)
    assert world.data("db") == {"user": "u", "password": "p-1"}


def test_passwords_and_uuids_are_made_once_with_interval_zero(world: World) -> None:
    world.start()
    world.apply(generator("Password", length=12, symbols=0))
    world.apply(generator("UUID"))
    wrapped = {"kind": "UUID", "generator": {"uuidSpec": {}}, "controller": world.controller_class}
    about = {"apiVersion": GENERATORS, "kind": "ClusterGenerator"}
    world.apply(json.dumps({**about, "metadata": {"name": world.namespace}, "spec": wrapped}))
    other = [{"regexp": {"source": "uuid", "target": "other"}}]
    entries = [
        generated("Password"),
        generated("UUID"),
        generated("ClusterGenerator", world.namespace, rewrite=other),
    ]
    spec: dict[str, Any] = {"data": [], "dataFrom": entries, "refreshInterval": "0"}
    world.apply(external_secret(**spec))
    synced(world)
    made = world.data("db") or {}
    assert re.fullmatch(r"\w{12}", made["password"])
    assert len({made["uuid"], made["other"]}) == 2
    world.patch("ExternalSecret", "db", {"metadata": {"annotations": {"force-sync": "1"}}})
    world.apply(external_secret("new", **spec))
    synced(world, "new")
    assert world.data("db") == made


def test_a_generator_of_another_class_is_left_alone(world: World) -> None:
    world.start()
    world.apply(generator("UUID", controller="other"))
    world.apply(external_secret(data=[], dataFrom=[generated("UUID")]))
    world.apply(generator("Password"))
    world.apply(external_secret("new", data=[], dataFrom=[generated("Password")]))
    synced(world, "new")
    assert world.get("ExternalSecret", "db").get("status") is None
    world.apply(generator("UUID", controller=world.controller_class))
    synced(world)


def test_logins_of_registries_and_session_tokens(world: World) -> None:
    world.keys(world.namespace, "keys", "id", "secret")
    world.start()
    world.aws.journal.clear()
    scopes = {"private": "eu-west-1", "public": "eu-west-1"}
    for scope, region in scopes.items():
        kind = "ECRAuthorizationToken"
        made = json.loads(generator(kind, region=region, scope=scope, auth=keys()))
        made["metadata"]["name"] = scope
        world.apply(json.dumps(made))
    world.apply(generator("STSSessionToken", region="eu-west-1", auth=keys()))
    login = '{{ printf "%s:%s" .username .password | b64enc }}'
    text = f'{{"auths":{{"{{{{ .proxy_endpoint }}}}":{{"auth":"{login}"}}}}}}'
    template = {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": text}}
    private = [generated("ECRAuthorizationToken", "private")]
    target = {"name": "pull", "template": template}
    world.apply(external_secret("pull", data=[], dataFrom=private, target=target))
    rename = [{"regexp": {"source": "^", "target": "ecr_"}}]
    more = [
        generated("ECRAuthorizationToken", "public", rewrite=rename),
        generated("STSSessionToken"),
    ]
    world.apply(external_secret("more", data=[], dataFrom=more))
    for name in ("pull", "more"):
        synced(world, name)
    config = json.loads((world.data("pull") or {})[".dockerconfigjson"])
    assert list(config["auths"]) == [
        f"https://{world.aws.cloud.account}.dkr.ecr.eu-west-1.amazonaws.com"
    ]
    found = world.data("more") or {}
    assert (found["ecr_username"], found["access_key_id"][:4]) == ("AWS", "ASIA")
    regions = {
        (one.service, one.region)
        for one in world.aws.journal.calls
        if one.operation == "GetAuthorizationToken"
    }
    assert regions == {("ecr", "eu-west-1"), ("ecr-public", "us-east-1")}


def health(found: Any) -> tuple[str, str]:
    """What Argo CD's health check for External Secrets resources makes of an object."""
    for one in found.get("status", {}).get("conditions", ()):
        if one["type"] == "Ready" and one["status"] in ("True", "False"):
            words = {"True": "Healthy", "False": "Degraded"}
            return words[one["status"]], one.get("message", "")
    return "Progressing", ""


def test_argo_cd_sees_progress_health_and_why_it_is_degraded(world: World) -> None:
    world.aws.cloud.put_secret("db", '{"password": "p-1"}', region=REGION)
    world.start()
    world.apply(STORE.replace("spec:", "spec:\n  controller: other", 1))
    world.apply(external_secret())
    world.apply(external_secret("bad", refreshInterval="1d"))
    eventually(lambda: health(world.get("ExternalSecret", "bad"))[0] == "Degraded", "the bad one")
    assert "unknown unit" in health(world.get("ExternalSecret", "bad"))[1]
    assert health(world.get("ExternalSecret", "db")) == ("Progressing", "")
    world.apply(STORE)
    eventually(lambda: health(world.get("SecretStore", "aws"))[0] == "Degraded", "without keys")
    assert "unable to create client" in health(world.get("SecretStore", "aws"))[1]
    world.keys(world.namespace, "keys", "id", "secret")
    synced(world)
    assert health(world.get("ExternalSecret", "db")) == ("Healthy", "secret synced")
    assert health(world.get("SecretStore", "aws")) == ("Healthy", "store validated")


def test_nothing_but_the_status_of_users_objects_is_written(world: World) -> None:
    ready_world(world)
    spec = json.loads(external_secret("child"))["spec"]
    about = {"apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret"}
    everywhere = {"namespaces": [world.namespace], "externalSecretName": "child"}
    name = world.namespace
    whole = {**everywhere, "externalSecretSpec": spec}
    world.apply(json.dumps({**about, "metadata": {"name": name}, "spec": whole}))
    world.apply(generator("UUID"))
    world.apply(external_secret(dataFrom=[generated("UUID")]))
    synced(world)
    synced(world, "child")
    world.until("ClusterExternalSecret", name, "True")
    objects = {"ExternalSecret": "db", "SecretStore": "aws", "ClusterExternalSecret": name}
    for kind, its_name in objects.items():
        metadata = world.get(kind, its_name)["metadata"]
        others = [one for one in metadata["managedFields"] if one["manager"] != "testbed"]
        assert {one.get("subresource") for one in others} == {"status"}, kind
        assert not metadata.get("finalizers")
