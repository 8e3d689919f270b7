"""deploy/policies on a real API server: what is refused, with which text, and what passes.

The policies are applied as they are, but for a selector: they concern the objects of this module
alone, because the tests of a run share the server.
"""

import copy
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
import yaml

from provider.tools.sources import Source
from provider.tools.validate.findings import SYNCED_SECRET, Finding
from provider.tools.validate.review import review
from testbed.cluster import ClusterClient
from tests.deploy import manifests
from tests.deploy.api_server import apply, try_create, try_update
from tests.deploy.test_examples import FILES
from tests.deploy.test_policies import POLICIES, RENDERED
from tests.waiting import eventually

ROLE = "arn:aws:iam::111122223333:role/shop-web"
FOREIGN = "arn:aws:iam::999922223333:role/other"
GOOD = {"region": "eu-west-1", "objects": "- objectName: shop/db\n  objectType: secretsmanager\n"}
LABELS = {"policies": "tested"}
OPEN, SHOP = "policies-open", "policies-shop"
"""Namespaces: with the limits of everybody, which are none, and with those of the team shop."""


def klass(namespace: str = OPEN, provider: str = "aws", **parameters: str) -> manifests.Document:
    return made(
        "secrets-store.csi.x-k8s.io/v1",
        "SecretProviderClass",
        {"provider": provider, "parameters": parameters},
        namespace,
    )


def store(namespace: str | None = OPEN, **aws: Any) -> manifests.Document:
    """A ClusterSecretStore without a namespace."""
    given = {"service": "SecretsManager", "region": "eu-west-1"} | aws
    kind = "SecretStore" if namespace else "ClusterSecretStore"
    return made("external-secrets.io/v1", kind, {"provider": {"aws": given}}, namespace)


def external_secret(namespace: str = OPEN, **spec: Any) -> manifests.Document:
    given = {"secretStoreRef": {"name": "store"}, "data": entries("shop/db")} | spec
    return made("external-secrets.io/v1", "ExternalSecret", given, namespace)


def entries(*keys: str) -> list[dict[str, Any]]:
    return [{"secretKey": f"k{n}", "remoteRef": {"key": key}} for n, key in enumerate(keys)]


def made(api_version: str, kind: str, spec: object, namespace: str | None) -> manifests.Document:
    metadata = {"name": "tested", "labels": LABELS} | (
        {"namespace": namespace} if namespace else {}
    )
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


@pytest.fixture(scope="module")
def server(cluster: ClusterClient) -> ClusterClient:
    """The API server with the policies in force, and with a good object of each kind."""
    crds = manifests.documents(
        manifests.DEPLOY / "daemonset" / "overlays" / "one-daemonset" / "crds.yaml"
    )
    for crd in crds:
        cluster.apply("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
    cluster.make_namespace(OPEN)
    cluster.make_namespace(SHOP, team="shop")
    good = [
        document
        for namespace in (OPEN, SHOP)
        for document in (
            klass(namespace, **GOOD),
            klass(namespace, "vault", **GOOD),
            store(namespace),
            external_secret(namespace),
        )
    ]
    eventually(lambda: try_create(cluster, good[0]).status in (201, 409), "the CRD")
    apply(cluster, good)
    apply(cluster, [store(None)])
    team = manifests.documents(POLICIES / "examples" / "team-shop.yaml")
    apply(cluster, map(for_tests, (*RENDERED, *team)))
    for bad in (
        klass(region="x y"),
        store(region="x_y"),
        external_secret(data=entries("a") * 2),
        klass(SHOP, **GOOD | {"region": "us-east-1"}),
        store(SHOP, region="us-east-1"),
        external_secret(SHOP, data=entries("other")),
    ):
        eventually(partial(is_denied, cluster, bad), "a policy")
    return cluster


def is_denied(cluster: ClusterClient, document: manifests.Document) -> bool:
    return "denied" in try_create(cluster, document).message


def for_tests(document: manifests.Document) -> manifests.Document:
    document = copy.deepcopy(dict(document))
    if document["kind"] == "ValidatingAdmissionPolicyBinding":
        spec = document["spec"]
        spec.setdefault("matchResources", {})["objectSelector"] = {"matchLabels": LABELS}
        # Warnings are refusals here, so that no class that is right has one.
        spec["validationActions"] = ["Deny"]
    return document


def refusal(server: ClusterClient, document: manifests.Document) -> str:
    """The text of the refusal, which is the same for a creation and an update; empty: passes."""
    other = {**document, "metadata": document["metadata"] | {"name": "another"}}
    created, updated = try_create(server, other), try_update(server, document)
    texts = [answer.message.partition("denied request: ")[2] for answer in (created, updated)]
    assert texts[0] == texts[1]
    assert bool(texts[0]) == (created.status == 422), created
    return texts[0]


MISTAKES = {
    "objects": (
        "",
        "objectName: db\nobjectType: secretsmanager\n",
        "{objectName: db}",
        "# nothing\n",
        "- objectName: db\n  objectType: secretmanager\n",
        "- {objectName: db, objectType: s3}\n",
        "- objectName: db\n  objectType: secretsmanager\n  filePermission: 0644\n",
        '- {"objectName": "db", "objectType": "ssmparameter", "filePermission": "999"}',
        "-\tobjectName: db\n\tobjectType: secretsmanager\n",
        "x" * 262_145,
        # Right.
        "# objectType: s3\n- objectName: db\n  objectType: secretsmanager # or objectType: s3\n",
        '[{"objectName": "/a", "objectType": "ssmparameter", "filePermission": "0600"}]',
        "- {objectName: a, objectType: &type secretsmanager}\n- {objectName: b, objectType: *type}",
        "- objectName: db\n  objectType: secretsmanager\n  filePermission: '0400'\n",
    ),
    "region": ("eu_west_1", "EU-WEST-1", "-x", "eu--west", "a" * 64, "eu-west-1", "xx-new-9"),
    "failoverRegion": ("eu west", "eu-west-1", "us-east-1"),
    "pathTranslation": ("__", "true", "-", "False", "é"),
    "usePodIdentity": ("yes", "TRue", "true", "0", "False"),
    "auth": ("IRSA", "pod", "irsa", "podIdentity", "auto"),
    "roleArn": ("shop", "arn:aws:iam::1:role/x", "arn:aws:iam::111122223333:user/x", ROLE),
    "assumeRoleArn": ("shop", f"{ROLE} ", "arn:aws-cn:iam::111122223333:role/a/b"),
    "assumeRoleExternalId": ("x", "a b", "x" * 1225, "x" * 1224, "ok"),
    "assumeRoleDurationSeconds": ("899", "3601", "1h", "900", "3600"),
    "assumeRoleSessionTags": ("yes", "true"),
    "preferredAddressType": ("ipv5", "IPv6", "auto"),
}
"""Values of each parameter: the policy refuses those that the provider refuses."""


@pytest.mark.parametrize("key", MISTAKES)
def test_a_class_is_refused_where_the_provider_refuses_it(server: ClusterClient, key: str) -> None:
    more = {"assumeRoleArn": ROLE} if key.startswith("assumeRole") else {}
    for value in MISTAKES[key]:
        parameters = {**GOOD, **more, key: value}
        text = refusal(server, klass(**parameters))
        assert bool(text) == is_refused(klass(**parameters)), (value[:50], text)
        if text:
            assert text.startswith(f"spec.parameters.{key}"), text
            assert "Run secrets-provider-aws validate" in text


def is_refused(document: manifests.Document) -> bool:
    """Whether `validate` calls something in the class an error."""
    return any(one.level == "error" for one in findings(document))


def findings(document: manifests.Document) -> Sequence[Finding]:
    return review([Source("class", yaml.safe_dump(document))], None).findings


def synced(name: str = "db", kind: str = "Opaque", keys: str = "a") -> dict[str, Any]:
    """A Secret that the driver is to write, with the keys in `keys`."""
    data = [{"objectName": "shop_db", "key": key} for key in keys.split()]
    return {"secretName": name, "type": kind, "data": data}


@pytest.mark.parametrize(
    "secrets",
    [
        [synced(), synced("other", "kubernetes.io/tls", "tls.crt tls.key")],
        [synced("")],
        [synced("Name")],
        [synced(), synced()],
        [synced(kind="")],
        [synced(keys="")],
        [synced(keys="..data")],
        [synced(keys="a/b")],
        [synced(keys="a b a")],
        [synced(kind="kubernetes.io/tls", keys="tls.crt")],
        [synced(kind="kubernetes.io/dockerconfigjson")],
        [synced(kind="kubernetes.io/ssh-auth", keys="ssh-privatekey")],
    ],
    ids=str,
)
def test_a_secret_that_the_driver_cannot_write_is_warned_of(
    server: ClusterClient, secrets: list[dict[str, Any]]
) -> None:
    document = klass(**GOOD)
    document = {**document, "spec": {**document["spec"], "secretObjects": secrets}}
    text = refusal(server, document)
    assert bool(text) == (SYNCED_SECRET in [one.rule for one in findings(document)]), text
    assert not text or text.startswith("spec.secretObjects: ")


@pytest.mark.parametrize(
    "contradiction",
    [
        {"auth": "irsa", "usePodIdentity": "true"},
        {"auth": "podIdentity", "usePodIdentity": "false"},
        {"auth": "auto", "usePodIdentity": "false"},
        {"auth": "podIdentity", "roleArn": ROLE},
        {"usePodIdentity": "true", "roleArn": ROLE},
        {"assumeRoleExternalId": "x1"},
        {"assumeRoleSessionTags": "true"},
        {"region": "us-east-1", "failoverRegion": "us-east-1"},
    ],
    ids=",".join,
)
def test_parameters_that_contradict_each_other_are_refused(
    server: ClusterClient, contradiction: dict[str, str]
) -> None:
    parameters = GOOD | contradiction
    assert is_refused(klass(**parameters))
    assert "spec.parameters." in refusal(server, klass(**parameters))


def test_one_refusal_names_every_mistake(server: ClusterClient) -> None:
    text = refusal(server, klass(region="eu_west_1", auth="x", usePodIdentity="yes\nno"))
    assert text == (
        "spec.parameters.objects is required: a YAML list of what to mount, such as "
        '"- objectName: NAME" with objectType; '
        "spec.parameters.region must be an AWS region: lowercase letters, digits and single "
        'hyphens, such as eu-west-1, got "eu_west_1"; '
        'spec.parameters.usePodIdentity must be "true" or "false", got "yes no"; '
        'spec.parameters.auth must be irsa, podIdentity or auto, got "x". '
        "Run secrets-provider-aws validate to see all mistakes with their lines."
    )


def test_every_example_passes(server: ClusterClient) -> None:
    for path in FILES:
        for document in manifests.of_kind(manifests.documents(path), "SecretProviderClass"):
            assert refusal(server, klass(**document["spec"]["parameters"])) == "", path.name


def test_other_providers_are_not_looked_at(server: ClusterClient) -> None:
    assert refusal(server, klass(SHOP, "vault", region="?", roleArn=FOREIGN)) == ""
    spec = {"provider": {"vault": {"region": "?", "role": FOREIGN}}}
    assert refusal(server, {**store(SHOP), "spec": spec}) == ""


def test_an_object_with_a_mistake_from_before_can_be_changed_elsewhere(
    server: ClusterClient,
) -> None:
    old = klass(region="?")
    unseen = {**old, "metadata": {"name": "old", "namespace": OPEN}}
    apply(server, [unseen])
    labelled = {**old, "metadata": {"name": "old", "namespace": OPEN, "labels": LABELS}}
    assert try_update(server, labelled).status == 200
    changed = {**labelled, "spec": klass(region="??")["spec"]}
    assert "denied" in try_update(server, changed).message


def test_large_objects_are_within_the_budget_of_cel(server: ClusterClient) -> None:
    entry = "- objectName: shop/database\n  objectType: secretsmanager\n  filePermission: '0600'\n"
    large = GOOD | {"objects": entry * (65_536 // len(entry))}
    for document in (
        klass(SHOP, **large),
        external_secret(SHOP, data=entries(*["shop/database"] * 1000)),
    ):
        named = {**document, "metadata": document["metadata"] | {"name": "large"}}
        assert try_create(server, named).status == 201
    larger = GOOD | {"objects": entry * (66_000 // len(entry) + 1)}
    assert "65536 characters are allowed" in refusal(server, klass(SHOP, **larger))
    assert refusal(server, klass(OPEN, **larger)) == ""


def test_unknown_keys_are_named_with_what_was_probably_meant(server: ClusterClient) -> None:
    objects = "- objectName: db\n  objecttype: s\n  objectType: secretsmanager\n  x: y\n"
    text = refusal(server, klass(**GOOD | {"Failover-Region": "eu-west-2", "objects": objects}))
    assert text == (
        "spec.parameters.Failover-Region (did you mean failoverRegion?) is not known and has no "
        "effect; in spec.parameters.objects: objecttype (did you mean objectType?) is not known "
        "and has no effect; in spec.parameters.objects: x is not known and has no effect. "
        "Run secrets-provider-aws validate to see all warnings with their lines."
    )


@pytest.mark.parametrize(
    ("aws", "said"),
    [
        ({"region": "eu_west_1"}, "region must be an AWS region: lowercase letters"),
        ({"role": "shop"}, "additionalRoles must be ARNs of IAM roles"),
        ({"additionalRoles": [ROLE, "x"]}, 'role/name, got "x"'),
        ({"role": ROLE, "externalID": "a b"}, "externalID must be 2 to 1224"),
        ({"service": "CertificateManager"}, "service must be SecretsManager or ParameterStore"),
        (
            {"auth": {"secretRef": {"accessKeyIDSecretRef": {"name": "key"}}}},
            "needs name and key in accessKeyIDSecretRef and secretAccessKeySecretRef",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else ",".join(value),
)
def test_a_store_that_cannot_work_is_refused(
    server: ClusterClient, aws: dict[str, Any], said: str
) -> None:
    for namespace in (OPEN, None):
        text = refusal(server, store(namespace, **aws))
        assert text.startswith("spec.provider.aws."), text
        assert said in text


def generator(kind: str, spec: dict[str, Any], namespace: str | None = SHOP) -> manifests.Document:
    return made("generators.external-secrets.io/v1alpha1", kind, spec, namespace)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"region": "eu-west-1", "role": ROLE}, ""),
        ({"region": "eu_west_1"}, "region must be an AWS region"),
        ({"region": "eu-west-1", "role": "shop"}, "must be ARNs of IAM roles"),
        ({"region": "us-east-1"}, 'region "us-east-1" is not allowed by regions'),
        ({"region": "eu-west-1", "role": FOREIGN}, "the account 999922223333 is not allowed"),
    ],
)
def test_a_generator_is_held_to_the_same_rules(
    server: ClusterClient, spec: dict[str, Any], said: str
) -> None:
    for kind in ("ECRAuthorizationToken", "STSSessionToken"):
        where = OPEN if "must be" in said else SHOP
        text = try_create(server, generator(kind, spec, where)).message
        assert bool(text) == bool(said), text
        assert said in text
        part = {"ECR": "ecrAuthorizationTokenSpec", "STS": "stsSessionTokenSpec"}[kind[:3]]
        whole = {"kind": kind, "generator": {part: spec}}
        text = try_create(server, generator("ClusterGenerator", whole, None)).message
        # It is in no namespace, so the limits of a team do not concern it.
        assert ("must be" in text) == ("must be" in said), text
        assert f"spec.generator.{part}." in text or "must be" not in said
    password = generator(
        "ClusterGenerator", {"kind": "Password", "generator": {"passwordSpec": {}}}, None
    )
    assert try_create(server, password).status == 201


def test_a_store_may_only_name_its_own_namespace(server: ClusterClient) -> None:
    auth = {"jwt": {"serviceAccountRef": {"name": "web", "namespace": "shop"}}}
    assert "auth must not name another namespace" in refusal(server, store(auth=auth))
    assert refusal(server, store(None, auth=auth)) == ""
    auth = {"jwt": {"serviceAccountRef": {"name": "web", "namespace": OPEN}}}
    assert refusal(server, store(auth=auth, role=ROLE, externalID="x1")) == ""


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"data": entries("a") * 2}, "the secretKey k0 more than once"),
        ({"secretStoreRef": {"kind": "SecretStore"}}, "secretStoreRef.name is required"),
    ],
    ids=["key twice", "no store"],
)
def test_an_external_secret_that_cannot_be_synced_is_refused(
    server: ClusterClient, spec: dict[str, Any], said: str
) -> None:
    assert said in refusal(server, external_secret(**spec))


SHOP_ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/db-AbCdEf"
FOREIGN_ARN = "arn:aws:secretsmanager:eu-west-1:999922223333:secret:shop/db-AbCdEf"


def objects(*names: str, kind: str = "secretsmanager") -> dict[str, str]:
    return {"objects": "".join(f"- objectName: {one}\n  objectType: {kind}\n" for one in names)}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, ""),
        ({"failoverRegion": "eu-central-1", "roleArn": ROLE}, ""),
        ({"region": "us-east-1"}, 'region "us-east-1" is not allowed by regions (eu-west-1 eu-c'),
        ({"failoverRegion": "eu-west-10"}, 'failoverRegion "eu-west-10" is not allowed'),
        (
            {"roleArn": FOREIGN},
            "the account 999922223333 is not allowed by accounts (111122223333)",
        ),
        ({"assumeRoleArn": FOREIGN}, f"the role {FOREIGN} is not allowed by roleArns"),
        (objects(SHOP_ARN, "'shop/x'", '"/shop/y:3"'), ""),
        (objects("shop/db", "other"), "the secret other is not allowed by secretNames (shop/*"),
        (objects(FOREIGN_ARN), "the account 999922223333 is not allowed"),
        (objects("arn:aws:ssm:eu-west-1:111122223333:parameter/shop/a", kind="ssmparameter"), ""),
        (
            objects("arn:aws:ssm:eu-west-1:111122223333:parameter/a", kind="ssmparameter"),
            "secret a",
        ),
        (objects("parameter/shop/db"), "the secret parameter/shop/db is not allowed"),
        (objects("/shop/db:3", "shop/db:label", kind="ssmparameter"), ""),
        (objects("/shop", kind="ssmparameterpath"), ""),
        (objects("/shopping", kind="ssmparameterpath"), "the secret /shopping/ is not allowed"),
        ({"objects": '[{"objectName":"shop/db","objectType":"secretsmanager"}]'}, ""),
        (
            {"objects": "- failoverObject: {objectName: other}\n  objectName: shop/a"},
            "secret other",
        ),
        # What CEL cannot read is refused.
        ({"objects": '- "object\\x4eame": other\n  objectName: shop/a'}, "cannot be checked"),
        ({"objects": "- objectName: &a shop/db\n- objectName: *a"}, "cannot be checked"),
        ({"objects": "- objectName: >-\n    other"}, "cannot be checked"),
        ({"objects": "- ? objectName\n  : other"}, "cannot be checked"),
    ],
)
def test_a_class_is_held_to_the_limits_of_its_team(
    server: ClusterClient, parameters: dict[str, str], said: str
) -> None:
    text = refusal(server, klass(SHOP, **GOOD | parameters))
    assert bool(text) == bool(said), text
    assert said in text
    if said:
        assert "the ConfigMap kube-system/secrets-provider-aws-limits-shop, which" in text
        # The team's limits are for its namespaces alone.
        assert "is not allowed" not in refusal(server, klass(OPEN, **GOOD | parameters))


@pytest.mark.parametrize(
    ("aws", "said"),
    [
        ({"role": ROLE}, ""),
        ({"region": "us-east-1"}, 'aws.region "us-east-1" is not allowed by regions'),
        ({"role": FOREIGN}, f"aws.role: {FOREIGN} is not allowed by roleArns"),
        ({"role": ROLE, "additionalRoles": [FOREIGN]}, "the account 999922223333 is not allowed"),
    ],
)
def test_a_store_is_held_to_the_limits_of_its_team(
    server: ClusterClient, aws: dict[str, Any], said: str
) -> None:
    text = refusal(server, store(SHOP, **aws))
    assert bool(text) == bool(said), text
    assert said in text


VAULT = {"kind": "ClusterSecretStore", "name": "vault"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"data": entries("shop/db", "/shop/x", SHOP_ARN)}, ""),
        ({"data": entries("shop/db", "other")}, "the secret other is not allowed by secretNames"),
        ({"data": entries(FOREIGN_ARN)}, "the account 999922223333 is not allowed by accounts"),
        ({"dataFrom": [{"extract": {"key": "other"}}]}, "the secret other is not allowed"),
        ({"secretStoreRef": VAULT, "data": entries("other")}, ""),
        (
            {"secretStoreRef": {"name": "vault"}, "data": entries("other")},
            "the secret other is not allowed",
        ),
        ({"dataFrom": [{"find": {"path": "shop/"}}]}, ""),
        ({"dataFrom": [{"find": {"path": "shop"}}]}, 'find.path "shop" is not below'),
        ({"dataFrom": [{"find": {"name": {"regexp": "^shop/"}}}]}, 'find.path "" is not below'),
    ],
)
def test_an_external_secret_is_held_to_the_limits_of_its_team(
    server: ClusterClient, spec: dict[str, Any], said: str
) -> None:
    text = refusal(server, external_secret(SHOP, **spec))
    assert bool(text) == bool(said), text
    assert said in text
    embedded = {"externalSecretSpec": external_secret(**spec)["spec"], "namespaces": [SHOP]}
    many = made("external-secrets.io/v1", "ClusterExternalSecret", embedded, None)
    # It is in no namespace, so the limits of a team do not concern it.
    assert try_create(server, many).status == 201


def test_without_the_config_map_nothing_is_allowed(server: ClusterClient) -> None:
    # A team of its own, so that no other test loses its limits.
    cluster_wide = "validatingadmissionpolicybindings"
    binding: dict[str, Any] = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "lost-limits"},
        "spec": {
            "policyName": "secretproviderclass-limits.secrets-provider-aws",
            "paramRef": {
                "name": "lost",
                "namespace": "kube-system",
                "parameterNotFoundAction": "Deny",
            },
            "matchResources": {"objectSelector": {"matchLabels": {"limits": "lost"}}},
            "validationActions": ["Deny"],
        },
    }
    server.apply(f"/apis/admissionregistration.k8s.io/v1/{cluster_wide}", binding)
    document = klass(**GOOD)
    lost = {
        **document,
        "metadata": document["metadata"] | {"name": "l", "labels": {"limits": "lost"}},
    }
    eventually(lambda: "no params found" in try_create(server, lost).message, "a refusal")
