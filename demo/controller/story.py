"""The steps of the demo. Each shows something, and checks it; its docstring is its title."""

from rich.text import Text

from demo.controller.stage import CANARY, MANIFESTS, SEOUL, Stage
from demo.screen import Screen, calls_text, duration
from testbed.cluster_objects import Thing

EXAMPLE = "example-secret", "example-kubernetes-secret", "default"
"""An ExternalSecret, its Secret, their namespace."""
DB = "prod/db-credentials"
"""The secret in AWS that it reads."""
ADMIN = {"auth": f"admin:{CANARY}".encode()}
SECRETS = {
    ("basic-auth-secret-manager", "default"): ADMIN,
    ("basic-auth-secret-ssm", "default"): ADMIN,
    ("clusterexternalsecret-secret", "kube-system"): ADMIN,
    ("clusterexternalsecret-secret", "monitoring"): ADMIN,
    ("onthetop-backend-secrets", "onthetop-backend"): {
        "secrets.properties": f"db.password={CANARY}\n".encode()
    },
    EXAMPLE[1:]: {"username": f"app-{CANARY}".encode()},
}


def condition(thing: Thing) -> dict[str, str]:
    """The condition Ready of an object, empty if there is none."""
    conditions = thing.get("status", {}).get("conditions", ())
    return next((one for one in conditions if one["type"] == "Ready"), {})


def the_cluster(stage: Stage, screen: Screen) -> None:
    """A cluster on loopback

    The controller is the real one, as a process. AWS is emulated, and every call takes 20 ms.
    """
    pid, seconds = stage.controller.popen.pid, duration(stage.controller.start_seconds)
    screen.facts(
        Kubernetes=f"{stage.kube.about}: {stage.kube.address.url}",
        AWS=stage.aws.url,
        controller=f"process {pid}, works {seconds} after its start",
    )


def appear(stage: Stage, screen: Screen) -> None:
    """Manifests of the tutorials, as they are

    All are external-secrets.io/v1beta1, which External Secrets Operator refuses since 0.17.
    """
    for file in sorted(MANIFESTS.glob("*.yaml")):
        screen.command(f"      kubectl apply -f {file.name}")
        stage.apply(file.name)
    for (name, namespace), wanted in SECRETS.items():
        shown = ", ".join(f"{key} = {screen.value(value)}" for key, value in wanted.items())
        screen.check(
            f"Secret {namespace}/{name}: {shown}",
            stage.gets(name, namespace, wanted),
            sorted(stage.kube.data(name, namespace)),
        )
    place = "ExternalSecret", "eks-external-secret", "my-app-ns"
    is_read = stage.comes_true(lambda: condition(stage.kube.get(*place)).get("status") == "True")
    is_written = stage.kube.get("Secret", "my-cool-k8s-secret-name", "my-app-ns")
    what = "creationPolicy None: read, and no Secret is written"
    screen.check(what, is_read and not is_written)
    screen.heading("kubectl get es -A")
    screen.excerpt([_row(one) for one in stage.kube.list("ExternalSecret")], 12)
    screen.say(calls_text(stage.aws.journal.calls), "dim")


def rotate(stage: Stage, screen: Screen) -> None:
    """Rotate

    The value changes in AWS. It is read at the interval, or on demand.
    """
    name, secret, namespace = EXAMPLE
    wanted = _new_value(stage, "second")
    screen.command(f"      kubectl annotate es {name} force-sync=1")
    metadata = {"annotations": {"force-sync": "1"}}
    stage.kube.patch("ExternalSecret", name, namespace, {"metadata": metadata})
    screen.check("force-sync: the new value", stage.gets(secret, namespace, wanted))
    _set_interval(stage, name, "1s")
    wanted = _new_value(stage, "third")
    screen.check("refreshInterval 1s: again", stage.gets(secret, namespace, wanted))
    stage.kube.delete("Secret", secret, namespace)
    is_back = stage.gets(secret, namespace, wanted)
    screen.check("the Secret is deleted: it is back at once", is_back)


def breaks(stage: Stage, screen: Screen) -> None:
    """Break

    The condition says what is wrong and what to do. The Secret stays.
    """
    name, secret, namespace = EXAMPLE

    def check(what: str, name: str, words: str) -> None:
        def message() -> str:
            return condition(stage.kube.get("ExternalSecret", name, namespace)).get("message", "")

        screen.check(what, stage.comes_true(lambda: words in message()), message())
        screen.say(Text(message(), "yellow"))

    stage.put(DB, '{"user": "x"}')
    check("another key in the JSON", name, '"user"')
    stage.aws.cloud.remove_secret(DB, region="us-east-1")
    check("the secret is gone in AWS", name, "Secret does not exist")
    is_kept = bool(stage.kube.data(secret, namespace))
    screen.check("deletionPolicy Retain: the Secret stays", is_kept)
    other = "sample-secretsmanager-secret"
    _set_interval(stage, other, "1d")
    check("an interval that is none", other, 'unknown unit "d"')


def heal(stage: Stage, screen: Screen) -> None:
    """Heal

    Nothing has to be restarted.
    """
    _, secret, namespace = EXAMPLE
    wanted = _new_value(stage, "fourth")
    screen.check("the secret is back", stage.gets(secret, namespace, wanted))
    stage.apply("cluster-store-static-keys.yaml")
    stage.put("basic-auth", f'{{"basic-auth": "new:{CANARY}"}}', SEOUL)

    def failing() -> list[str]:
        things = stage.kube.list("ExternalSecret")
        return [_row(one) for one in things if condition(one).get("status") != "True"]

    is_well = stage.comes_true(lambda: not failing())
    screen.check("all ExternalSecrets are Ready", is_well, failing())


def the_end(stage: Stage, screen: Screen) -> None:
    """The end

    What the controller counted.
    """
    calls = len(stage.aws.journal.calls)
    memory = stage.controller.metric("process_resident_memory_bytes") / 2**20
    screen.facts(AWS=f"{calls} calls", memory=f"{memory:.0f} MiB resident", log=str(stage.log))
    screen.check("no value is in the log", CANARY not in stage.log.read_text())


def _new_value(stage: Stage, what: str) -> dict[str, bytes]:
    """Give the example a new value; what its Secret holds then."""
    stage.put(DB, f'{{"username": "{what}-{CANARY}"}}')
    return {"username": f"{what}-{CANARY}".encode()}


def _set_interval(stage: Stage, name: str, interval: str) -> None:
    change = {"spec": {"refreshInterval": interval}}
    stage.kube.patch("ExternalSecret", name, "default", change)


def _row(thing: dict[str, dict[str, str]]) -> str:
    """As kubectl shows it."""
    ready, metadata = condition(thing), thing["metadata"]
    reason, status = ready.get("reason", ""), ready.get("status", "")
    return f"{metadata['namespace']:<18}{metadata['name']:<32}{reason:<18}{status}"


STEPS = (the_cluster, appear, rotate, breaks, heal, the_end)
