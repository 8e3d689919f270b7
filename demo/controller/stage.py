"""Everything that runs during the demo of the controller."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from demo.controller.kube import Kube, Thing, kubernetes
from demo.node import DaemonProcess, environment
from demo.screen import Screen, duration
from demo.stage import LATENCY, make_empty
from testbed.aws import FakeAws
from testbed.aws.iam import CONTROLLER_ACTIONS, allow

MANIFESTS = Path(__file__).parent / "manifests"
HOME = "external-secrets"
NAMESPACES = ("default", "kube-system", "monitoring", HOME, "onthetop-backend", "my-app-ns")
SEOUL, IRELAND, VIRGINIA = "ap-northeast-2", "eu-west-1", "us-east-1"
CANARY = "hunter2"
"""A part of every value, which no log may have."""
_PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Stage:
    """The API server, AWS, and the controller as a process."""

    kube: Kube
    aws: FakeAws
    controller: DaemonProcess
    log: Path

    def apply(self, name: str) -> None:
        """Apply a file of manifests as it is, to the namespace `default` where it names none."""
        for thing in yaml.safe_load_all((MANIFESTS / name).read_text()):
            if not thing["kind"].startswith("Cluster"):
                thing["metadata"].setdefault("namespace", "default")
            self.kube.apply(thing)

    def ready(self, kind: str, name: str, namespace: str = "") -> tuple[str, str, str]:
        """Status, reason and message of the condition Ready."""
        return ready(self.kube.get(kind, name, namespace) or {})

    def until(self, is_met: Callable[[], bool], otherwise: Callable[[], object]) -> Sequence[str]:
        """No problem as soon as `is_met`; after some seconds `otherwise`, as text."""
        until = time.monotonic() + _PATIENCE
        while not is_met():
            if time.monotonic() > until or self.controller.ended() is not None:
                return [f"found {otherwise()}"]
            time.sleep(0.05)
        return []

    def until_data(self, name: str, namespace: str, wanted: dict[str, bytes]) -> Sequence[str]:
        """No problem as soon as a Secret holds exactly this."""

        def keys() -> object:
            return sorted(self.kube.data(name, namespace))

        return self.until(lambda: self.kube.data(name, namespace) == wanted, keys)


def ready(thing: Thing) -> tuple[str, str, str]:
    """Status, reason and message of the condition Ready; empty if there is none."""
    for one in thing.get("status", {}).get("conditions", ()):
        if one["type"] == "Ready":
            return one["status"], one.get("reason", ""), one.get("message", "")
    return "", "", ""


@contextmanager
def running(output: Path, screen: Screen) -> Iterator[Stage]:
    """Starts everything, and stops it at the end."""
    make_empty(output)
    log = output / "controller.log"
    with ExitStack() as stack:
        aws = stack.enter_context(FakeAws(latency=LATENCY))
        with screen.waiting("the control plane is starting"):
            kube = stack.enter_context(kubernetes())
        _fill(kube, aws)
        token = output / "token"
        token.write_text(kube.token)
        flags = [
            "controller",
            f"--kube-api-url={kube.url}",
            f"--kube-token-file={token}",
            f"--lease-namespace={HOME}",
            "--metrics-addr=127.0.0.1:0",
            "--live-addr=",
            "--log-format=json",
            *([f"--kube-ca-file={kube.ca_file}"] if kube.ca_file else []),
        ]
        variables = environment(f"{aws.url}/{{region}}", "")
        controller = DaemonProcess(flags, variables, log, "all objects are known")
        with screen.waiting("the controller is starting"):
            stack.enter_context(controller)
        screen.facts(
            Kubernetes=f"{kube.about}: {kube.url}",
            AWS=f"emulated, every call takes {duration(LATENCY)}: {aws.url}",
            controller=f"process {controller.pid}, works {duration(controller.start_seconds)} "
            "after its start",
        )
        yield Stage(kube, aws, controller, log)


def _fill(kube: Kube, aws: FakeAws) -> None:
    """What the manifests need: namespaces, access keys, roles, and secrets in AWS."""
    for name in NAMESPACES:
        labels = {"kubernetes.io/metadata.name": name}
        kube.apply(_made("Namespace", name, labels=labels))
    user = aws.cloud.put_user("external-secrets", allow=allow("*", *CONTROLLER_ACTIONS))
    for name, namespace, keys in (
        ("aws-credentials", HOME, ("aws_access_key_id", "aws_secret_access_key")),
        ("aws-creds", "default", ("accessKey", "secretAccessKey")),
    ):
        values = dict(zip(keys, (user.access_key_id, user.secret_access_key), strict=True))
        kube.apply({**_made("Secret", name, namespace=namespace), "stringData": values})
    for namespace, name in ((HOME, "external-secrets-sa"), ("my-app-ns", "my-app-sm-sa")):
        role = aws.cloud.put_role(
            name, trust=[f"{namespace}:{name}"], allow=allow("*", *CONTROLLER_ACTIONS)
        )
        role.issuer = kube.issuer
        annotations = {"eks.amazonaws.com/role-arn": role.arn}
        kube.apply(_made("ServiceAccount", name, namespace=namespace, annotations=annotations))
    put, value = aws.cloud.put_secret, CANARY
    put("basic-auth", f'{{"basic-auth": "admin:{value}"}}', region=SEOUL)
    aws.cloud.put_parameter("basic-auth", f"admin:{value}", region=SEOUL)
    put("onthetop/backend/secrets-properties", f"db.password={value}\n", region=SEOUL)
    put("secret-api-key", f'{{"username": "app", "key": "{value}"}}', region=IRELAND)
    put("prod/db-credentials", f'{{"username": "app-{value}"}}', region=VIRGINIA)


def _made(kind: str, name: str, **metadata: object) -> Thing:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **metadata}}
