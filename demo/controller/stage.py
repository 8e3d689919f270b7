"""Everything that runs during the demo of the controller."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from demo.running import LATENCY, START_SECONDS, Started, environment
from testbed.aws import FakeAws
from testbed.aws.iam import CONTROLLER_ACTIONS, allow
from testbed.cluster_objects import ClusterObjects, Thing, any_cluster
from testbed.provider_process import ProviderProcess

MANIFESTS = Path(__file__).parent / "manifests"
HOME = "external-secrets"
NAMESPACES = ("default", "kube-system", "monitoring", HOME, "onthetop-backend", "my-app-ns")
SEOUL, IRELAND, VIRGINIA = "ap-northeast-2", "eu-west-1", "us-east-1"
DB = "prod/db-credentials"
"""A secret in AWS, in Virginia."""
CANARY = "hunter2"
"""A part of every value, which no log may have."""
_PATIENCE = 15.0
_ALL = allow("*", *CONTROLLER_ACTIONS)


@dataclass(frozen=True, slots=True)
class Stage(Started):
    """The API server, AWS, and the controller as a process."""

    kube: ClusterObjects
    aws: FakeAws

    def apply(self, name: str) -> None:
        """Apply a file of manifests as it is, to the namespace `default` if it names none."""
        for thing in yaml.safe_load_all((MANIFESTS / name).read_text()):
            if not thing["kind"].startswith("Cluster"):
                thing["metadata"].setdefault("namespace", "default")
            self.kube.apply(thing)

    def put(self, name: str, value: str, region: str = VIRGINIA) -> None:
        """Give a secret in AWS a value."""
        self.aws.cloud.put_secret(name, value, region=region)

    def comes_true(self, is_met: Callable[[], bool]) -> bool:
        """Whether a condition is met within some seconds."""
        until = time.monotonic() + _PATIENCE
        while not is_met() and time.monotonic() < until:
            self.process.check()
            time.sleep(0.05)
        return is_met()

    def data(self, place: str) -> dict[str, bytes]:
        """What the Secret `namespace/name` holds."""
        namespace, _, name = place.partition("/")
        return self.kube.data(name, namespace)

    def gets(self, place: str, key: str, value: str) -> bool:
        """Whether a Secret holds exactly this within some seconds."""
        return self.comes_true(lambda: self.data(place) == {key: value.encode()})

    def put_user(self, name: str) -> None:
        """Give the secret `DB` a new value."""
        self.put(DB, f'{{"username": "{name}-{CANARY}"}}')

    def gets_user(self, name: str) -> bool:
        """Whether the Secret of `DB` gets this value."""
        return self.gets("default/example-kubernetes-secret", "username", f"{name}-{CANARY}")

    def change(self, name: str, change: Thing) -> None:
        """Change an ExternalSecret."""
        self.kube.patch("ExternalSecret", name, "default", change)

    def condition(self, name: str, namespace: str = "default") -> dict[str, str]:
        """The condition Ready of an ExternalSecret."""
        return condition(self.kube.get("ExternalSecret", name, namespace))


def condition(thing: Thing) -> dict[str, str]:
    """The condition Ready of an object, empty if there is none."""
    conditions = thing.get("status", {}).get("conditions", ())
    return next((one for one in conditions if one["type"] == "Ready"), {})


@contextmanager
def running(output: Path) -> Iterator[Stage]:
    """Starts everything, and stops it at the end; the log of the controller stays."""
    token = output / "token"
    with ExitStack() as stack:
        aws = stack.enter_context(FakeAws(latency=LATENCY))
        kube = stack.enter_context(any_cluster())
        _fill(kube, aws)
        token.write_text(kube.address.token)
        flags = [
            "controller",
            f"--kube-api-url={kube.address.url}",
            f"--kube-token-file={token}",
            f"--kube-ca-file={kube.address.ca_file}",
            f"--lease-namespace={HOME}",
            "--metrics-addr=127.0.0.1:0",
            "--live-addr=",
            "--log-format=json",
        ]
        variables = environment(f"{aws.url}/{{region}}")
        controller = ProviderProcess(flags, variables, output / "controller.log")
        stack.enter_context(controller)
        seconds = controller.wait_until_logged("all objects are known", START_SECONDS)
        yield Stage(controller, seconds, kube, aws)


def _fill(kube: ClusterObjects, aws: FakeAws) -> None:
    """What the manifests need: namespaces, access keys, roles, and secrets in AWS."""
    for name in NAMESPACES:
        kube.apply(_made("Namespace", name, labels={"kubernetes.io/metadata.name": name}))
    user = aws.cloud.put_user("external-secrets", allow=_ALL)
    for name, namespace, key_id, secret in (
        ("aws-credentials", HOME, "aws_access_key_id", "aws_secret_access_key"),
        ("aws-creds", "default", "accessKey", "secretAccessKey"),
    ):
        values = {key_id: user.access_key_id, secret: user.secret_access_key}
        kube.apply({**_made("Secret", name, namespace=namespace), "stringData": values})
    for namespace, name in ((HOME, "external-secrets-sa"), ("my-app-ns", "my-app-sm-sa")):
        role = aws.cloud.put_role(name, trust=[f"{namespace}:{name}"], allow=_ALL)
        role.issuer = kube.issuer
        annotations = {"eks.amazonaws.com/role-arn": role.arn}
        kube.apply(_made("ServiceAccount", name, namespace=namespace, annotations=annotations))
    aws.cloud.put_parameter("basic-auth", f"admin:{CANARY}", region=SEOUL)
    for name, value, region in (
        ("basic-auth", f'{{"basic-auth": "admin:{CANARY}"}}', SEOUL),
        ("onthetop/backend/secrets-properties", f"db.password={CANARY}\n", SEOUL),
        ("secret-api-key", f'{{"username": "app", "key": "{CANARY}"}}', IRELAND),
        (DB, f'{{"username": "app-{CANARY}"}}', VIRGINIA),
    ):
        aws.cloud.put_secret(name, value, region=region)


def _made(kind: str, name: str, **metadata: object) -> Thing:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **metadata}}
