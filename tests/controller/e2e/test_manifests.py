"""The manifests that users have work as they stand."""

from tests.controller.e2e.world import MANIFESTS, World
from tests.waiting import eventually

SYNCED = ("True", "SecretSynced", "secret synced")


def read(name: str) -> str:
    return (MANIFESTS / f"{name}.yaml").read_text()


def test_static_keys_in_cluster_stores_and_a_cluster_external_secret(default_world: World) -> None:
    world = default_world
    for name in ("external-secrets", "monitoring"):
        world.cluster.make_namespace(name)
    keys = "aws_access_key_id", "aws_secret_access_key"
    world.keys("external-secrets", "aws-credentials", *keys)
    world.aws.cloud.put_secret("basic-auth", '{"basic-auth": "user:hash"}', region="ap-northeast-2")
    world.aws.cloud.put_parameter("basic-auth", "plain:hash", region="ap-northeast-2")
    world.start()
    world.apply(read("eso-cluster-store-static-keys"))
    for store in ("aws-secretsmanager-store", "aws-ssm-store"):
        world.until("ClusterSecretStore", store, "True", "Valid", "store validated")
    for name in ("sample-secretsmanager-secret", "sample-ssm-secret"):
        world.until("ExternalSecret", name, *SYNCED, namespace="default")
    assert world.data("basic-auth-secret-manager", "default") == {"auth": "user:hash"}
    assert world.data("basic-auth-secret-ssm", "default") == {"auth": "plain:hash"}
    world.until("ClusterExternalSecret", "secretsmanager-clusterexternalsecret", "True")
    for namespace in ("kube-system", "monitoring"):
        world.until("ExternalSecret", "clusterexternalsecret", *SYNCED, namespace=namespace)
        assert world.data("clusterexternalsecret-secret", namespace) == {"auth": "user:hash"}
    found = world.get("ClusterExternalSecret", "secretsmanager-clusterexternalsecret")["status"]
    assert found["provisionedNamespaces"] == ["kube-system", "monitoring"]
    for name in ("sample-secretsmanager-secret", "sample-ssm-secret"):
        world.delete("ExternalSecret", name, "default")


def test_a_template_makes_a_properties_file(default_world: World) -> None:
    world = default_world
    for name in ("external-secrets", "onthetop-backend"):
        world.cluster.make_namespace(name)
    world.role("external-secrets", "external-secrets-sa")
    content = "db.user=app\ndb.password=p\n"
    world.aws.cloud.put_secret(
        "onthetop/backend/secrets-properties", content, region="ap-northeast-2"
    )
    world.start()
    world.apply(read("eso-gitops-template"))
    place = "onthetop-backend"
    world.until("ExternalSecret", "onthetop-backend-secrets", *SYNCED, namespace=place)
    assert world.data("onthetop-backend-secrets", place) == {"secrets.properties": content}
    world.delete("ExternalSecret", "onthetop-backend-secrets", place)


def test_creation_policy_none_reads_and_writes_no_secret(default_world: World) -> None:
    world = default_world
    world.cluster.make_namespace("my-app-ns")
    world.role("my-app-ns", "my-app-sm-sa")
    world.aws.cloud.put_secret(
        "secret-api-key", '{"username": "u", "key": "k"}', region="eu-west-1"
    )
    world.start()
    world.apply(read("eso-service-account"))
    world.until("ExternalSecret", "eks-external-secret", *SYNCED, namespace="my-app-ns")
    world.until("SecretStore", "my-app-secretstore", "True", "Valid", namespace="my-app-ns")
    world.until("ClusterSecretStore", "cluster-secret-store", "True", "Valid")
    assert world.data("my-cool-k8s-secret-name", "my-app-ns") is None
    assert world.aws.journal.count("BatchGetSecretValue") + world.aws.journal.count(
        "GetSecretValue"
    )
    world.delete("ExternalSecret", "eks-external-secret", "my-app-ns")


def test_stores_of_both_kinds_with_one_name(default_world: World) -> None:
    world = default_world
    world.keys(world.namespace, "aws-creds", "accessKey", "secretAccessKey")
    world.aws.cloud.put_secret("prod/db-credentials", '{"username": "admin"}', region="us-east-1")
    world.start()
    world.apply(read("eso-two-kinds-of-store"))
    world.until("ExternalSecret", "example-secret", *SYNCED)
    assert world.data("example-kubernetes-secret") == {"username": "admin"}
    world.until("ClusterSecretStore", "aws-secret-store", "False", "InvalidProviderConfig")
    eventually(
        lambda: ("example-secret", "Created", "secret created") in world.events(), "an Event"
    )
