"""The world of deploy/examples: its classes, its pods, and a made-up value for every name in them.

Names, regions, accounts, version ids and the random ends of ARNs are those of the manifests, which
must work as they are.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from testbed.aws.cloud import Cloud
from testbed.aws.iam import READ_ACTIONS, Role
from testbed.cluster import read_yaml
from testbed.driver import Pod
from testbed.kubernetes import FakeKubernetes

FOLDER = Path(__file__).parents[1] / "deploy/examples"
NODE = "node-1"
PRIMARY, STANDBY, LONDON = "eu-west-1", "eu-central-1", "eu-west-2"
NODE_REGION = STANDBY
"""The region of the node: that of classes which name none."""
OTHER_ACCOUNT = "444455556666"
PINNED = "0bf1a1a8-4d4a-4c1a-9d0e-6f2b8f0c7f11"
"""The version that versions.yaml asks for by its id."""


def login(password: str) -> str:
    """The document of a database secret."""
    return json.dumps({"username": "shop", "password": password, "host": "db.shop.internal"})


DATABASE = tuple(map(login, ("spring-4711", "summer-4712", "autumn-4713")))
SERVICE = json.dumps(
    {
        "username": "orders",
        "password": "correct horse battery staple",
        "api-key": "key-0123456789",
        "replicas": [{"host": "replica-1.internal", "port": 5432}],
    }
)
KEYSTORE = bytes(range(256)) * 4
SERVER_KEY = "-----BEGIN SAMPLE KEY-----\nbm90IGEga2V5LCBhIHNhbXBsZQ==\n-----END SAMPLE KEY-----\n"
MY_APP = login("tell-no-one")
URLS = tuple(f"https://{name}.shop.example" for name in ("old", "www", "next", "beta"))
WEB = {
    "password": "open sesame",
    "flags": "dark-mode,fast-checkout",
    "settings": json.dumps({"listen": {"port": 8443}}),
}
TRUSTSTORE = bytes(range(99))
SIGNING = json.dumps({"key": "00ff10ef7f80", "issuer": "shop.example"})
JAVA = json.dumps({"spring.profiles.active": "production", "server.port": 8443, "note": "no"})
LIMITS = json.dumps({"soft": 100, "hard": 250, "why": "left out"})


def version(name: str, number: int) -> str:
    """The id of a version of a secret, counted from 1: the same in every region."""
    return PINNED if (name, number) == ("example/database", 1) else _uuid(f"{name}#{number}")


def fill(cloud: Cloud) -> None:
    """Make everything that the examples name; only example/overrides, which is optional, is not
    there."""
    one_region: Mapping[str, str | bytes] = {
        "example/service": SERVICE,
        "example/keystore": KEYSTORE,
        "example/server-key": SERVER_KEY,
        "example/signing": SIGNING,
        "example/java": JAVA,
        "example/limits": LIMITS,
    }
    for name, value in one_region.items():
        cloud.put_secret(name, value, region=PRIMARY, version=version(name, 1))
    for region in (PRIMARY, STANDBY):
        for number, value in enumerate(DATABASE, start=1):
            database = version("example/database", number)
            cloud.put_secret("example/database", value, region=region, version=database)
    for region, suffix in ((PRIMARY, "AbCdEf"), (STANDBY, "GhIjKl")):
        cloud.put_secret("example/api", "token-of-the-api", region=region, suffix=suffix)
    for region in (PRIMARY, LONDON):
        app = version("my-app-secret", 1)
        secret = cloud.put_secret("my-app-secret", MY_APP, region=region, version=app)
        # To AWS, "-secret" looks like the random end of an ARN. Let the example work all the same.
        cloud.secrets[region][secret.arn[:-7]] = secret
    cloud.put_secret("eksSecret", "a secret of the node's region", region=NODE_REGION)
    licence, endpoint = "LIC-2026-0042", "https://shared.example"
    cloud.put_secret(
        "shared/licence", licence, region=PRIMARY, account=OTHER_ACCOUNT, suffix="AbCdEf"
    )
    cloud.put_parameter("/shared/endpoint", endpoint, region=PRIMARY, account=OTHER_ACCOUNT)
    for value in URLS:
        cloud.put_parameter("/example/web/url", value, region=PRIMARY)
    cloud.parameter("/example/web/url", region=PRIMARY).label("release", 2)
    for name, value in WEB.items():
        cloud.put_parameter(f"/example/web/{name}", value, region=PRIMARY)
    cloud.put_parameter("/example/standby/url", "https://standby.shop.example", region=STANDBY)
    encoded = base64.encodebytes(TRUSTSTORE).decode()
    cloud.put_parameter("/example/truststore", encoded, region=PRIMARY)


@dataclass(frozen=True, slots=True)
class Application:
    """A class, and the pod that mounts it. `has_role`: its service account has the annotation."""

    name: str
    file: Path
    parameters: Mapping[str, str]
    pod: Pod
    has_role: bool

    @property
    def uses_pod_identity(self) -> bool:
        """Whether EKS Pod Identity gives the role."""
        said = self.parameters.get("usePodIdentity", "") in ("1", "t", "T", "true", "True", "TRUE")
        return said or self.parameters.get("auth") == "podIdentity"


def read_applications(*files: Path) -> list[Application]:
    """One for each class of these manifests; pods and accounts that they leave out are made up."""
    return [application for file in files for application in _read(file)]


def example_files() -> list[Path]:
    """All manifests of deploy/examples, without the values of Helm charts."""
    return [one for one in sorted(FOLDER.glob("*.yaml")) if "\nkind:" in one.read_text()]


def new_pod(namespace: str, name: str, service_account: str) -> Pod:
    """A pod whose UID is the same in every run."""
    return Pod(namespace, name, service_account, _uuid(f"{namespace}/{name}"))


def install(applications: Sequence[Application], kubernetes: FakeKubernetes, cloud: Cloud) -> None:
    """Make the node, pods, service accounts, roles and associations that the classes need."""
    kubernetes.put_node(NODE, region=NODE_REGION)
    for application in applications:
        add_pod(application, application.pod, kubernetes, cloud)
    shared = f"arn:aws:iam::{OTHER_ACCOUNT}:role/shared-secrets"
    cloud.roles[shared] = Role(shared, allow=_everything(), external_id="example-cluster")


def add_pod(application: Application, pod: Pod, kubernetes: FakeKubernetes, cloud: Cloud) -> Role:
    """Make a pod of a class with a role of its service account's own. Returns the role."""
    kubernetes.put_pod(pod.namespace, pod.name, node=NODE)
    role = cloud.put_role(
        application.parameters.get("roleArn", "").rpartition("/")[2] or pod.service_account,
        trust=[f"{pod.namespace}:{pod.service_account}"],
        allow=[*_everything(), ("sts:AssumeRole", "*"), ("sts:TagSession", "*")],
    )
    arn = role.arn if application.has_role else None
    kubernetes.put_service_account(pod.namespace, pod.service_account, role_arn=arn)
    if application.uses_pod_identity:
        cloud.associate(pod.namespace, pod.service_account, role)
    return role


def _everything() -> list[tuple[str, str]]:
    return [(action, "*") for action in READ_ACTIONS]


def _read(file: Path) -> Iterator[Application]:
    manifests = [one for one in read_yaml(file) if one]
    account: Any = next(_of_kind(manifests, "ServiceAccount"), None)
    named = next((one["metadata"]["name"] for one in _of_kind(manifests, "Pod")), None)
    for klass in _of_kind(manifests, "SecretProviderClass"):
        name, namespace = klass["metadata"]["name"], klass["metadata"].get("namespace", "default")
        parameters = klass["spec"]["parameters"]
        if account is None:
            by_irsa = not re.fullmatch("true", parameters.get("usePodIdentity", ""))
            yield Application(name, file, parameters, new_pod(namespace, name, name), by_irsa)
        else:
            pod = new_pod(namespace, named or f"{name}-1", account["metadata"]["name"])
            has_role = "annotations" in account["metadata"]
            yield Application(name, file, parameters, pod, has_role)


def _of_kind(manifests: Sequence[Any], kind: str) -> Iterator[Any]:
    return (one for one in manifests if one["kind"] == kind)


def _uuid(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))
