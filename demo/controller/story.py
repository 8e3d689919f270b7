"""The steps of the demo. Each shows something, and checks it."""

from rich.text import Text

from demo.controller.stage import CANARY, MANIFESTS, SEOUL, VIRGINIA, Stage, ready
from demo.screen import Screen, calls_text

EXAMPLE = "example-secret", "example-kubernetes-secret", "default"
"""An ExternalSecret, its Secret, their namespace."""
SECRETS = {
    ("basic-auth-secret-manager", "default"): {"auth": f"admin:{CANARY}".encode()},
    ("basic-auth-secret-ssm", "default"): {"auth": f"admin:{CANARY}".encode()},
    ("clusterexternalsecret-secret", "kube-system"): {"auth": f"admin:{CANARY}".encode()},
    ("clusterexternalsecret-secret", "monitoring"): {"auth": f"admin:{CANARY}".encode()},
    ("onthetop-backend-secrets", "onthetop-backend"): {
        "secrets.properties": f"db.password={CANARY}\n".encode()
    },
    EXAMPLE[1:]: {"username": f"app-{CANARY}".encode()},
}


def appear(stage: Stage, screen: Screen) -> None:
    """The manifests of the tutorials."""
    screen.title(
        "Manifests of the tutorials, as they are",
        "All are external-secrets.io/v1beta1, which External Secrets Operator refuses since 0.17.",
    )
    for file in sorted(MANIFESTS.glob("*.yaml")):
        screen.command(f"      kubectl apply -f {file.name}")
        stage.apply(file.name)
    for (name, namespace), wanted in SECRETS.items():
        problems = stage.until_data(name, namespace, wanted)
        shown = ", ".join(f"{key} = {screen.value(value)}" for key, value in wanted.items())
        screen.check(f"Secret {namespace}/{name}: {shown}", problems)
    place = "ExternalSecret", "eks-external-secret", "my-app-ns"
    found = stage.until(lambda: stage.ready(*place)[0] == "True", lambda: stage.ready(*place))
    absent = stage.kube.get("Secret", "my-cool-k8s-secret-name", "my-app-ns") is None
    screen.check("creationPolicy None: read, and no Secret is written", found)
    screen.check("… there is none", [] if absent else ["there is one"])
    screen.heading("kubectl get es -A")
    screen.excerpt([_row(one) for one in stage.kube.list("ExternalSecret")], 12)
    screen.say(calls_text(stage.aws.journal.calls), "dim")


def rotate(stage: Stage, screen: Screen) -> None:
    """A new value in AWS."""
    screen.title("Rotate", "The value changes in AWS. It is read at the interval, or on demand.")
    name, secret, namespace = EXAMPLE
    _put_example(stage, "second")
    screen.command(f"      kubectl annotate es {name} force-sync=1")
    metadata = {"annotations": {"force-sync": "1"}}
    stage.kube.patch("ExternalSecret", name, namespace, {"metadata": metadata})
    wanted = {"username": b"second-" + CANARY.encode()}
    screen.check("force-sync: the new value", stage.until_data(secret, namespace, wanted))
    change = {"spec": {"refreshInterval": "1s"}}
    stage.kube.patch("ExternalSecret", name, namespace, change)
    _put_example(stage, "third")
    wanted = {"username": b"third-" + CANARY.encode()}
    screen.check("refreshInterval 1s: again", stage.until_data(secret, namespace, wanted))
    stage.kube.delete("Secret", secret, namespace)
    again = stage.until_data(secret, namespace, wanted)
    screen.check("the Secret is deleted: it is back at once", again)


def breaks(stage: Stage, screen: Screen) -> None:
    """What goes wrong, and what people see of it."""
    screen.title("Break", "The condition says what is wrong and what to do. The Secret stays.")
    name, secret, namespace = EXAMPLE
    stage.aws.cloud.put_secret("prod/db-credentials", '{"user": "x"}', region=VIRGINIA)
    _broken(stage, screen, "another key in the JSON", name, '"user"')
    stage.aws.cloud.remove_secret("prod/db-credentials", region=VIRGINIA)
    _broken(stage, screen, "the secret is gone in AWS", name, "Secret does not exist")
    kept = stage.kube.data(secret, namespace)
    screen.check("deletionPolicy Retain: the Secret stays", [] if kept else ["it is gone"])
    change = {"spec": {"refreshInterval": "1d"}}
    other = "sample-secretsmanager-secret"
    stage.kube.patch("ExternalSecret", other, namespace, change)
    _broken(stage, screen, "an interval that is none", other, 'unknown unit "d"')


def heal(stage: Stage, screen: Screen) -> None:
    """All is well again."""
    screen.title("Heal", "Nothing has to be restarted.")
    _, secret, namespace = EXAMPLE
    _put_example(stage, "fourth")
    wanted = {"username": b"fourth-" + CANARY.encode()}
    screen.check("the secret is back", stage.until_data(secret, namespace, wanted))
    stage.apply("cluster-store-static-keys.yaml")
    value = f'{{"basic-auth": "new:{CANARY}"}}'
    stage.aws.cloud.put_secret("basic-auth", value, region=SEOUL)

    def failing() -> list[str]:
        return [_row(one) for one in stage.kube.list("ExternalSecret") if ready(one)[0] != "True"]

    screen.check("all ExternalSecrets are Ready", stage.until(lambda: not failing(), failing))
    screen.title("The end", "What the controller counted.")
    calls = len(stage.aws.journal.calls)
    memory = stage.controller.metric("process_resident_memory_bytes") / 2**20
    screen.facts(AWS=f"{calls} calls", memory=f"{memory:.0f} MiB resident", log=str(stage.log))
    text = stage.log.read_text()
    screen.check("no value is in the log", ["one is"] if CANARY in text else [])


def _put_example(stage: Stage, what: str) -> None:
    value = f'{{"username": "{what}-{CANARY}"}}'
    stage.aws.cloud.put_secret("prod/db-credentials", value, region=VIRGINIA)


def _broken(stage: Stage, screen: Screen, what: str, name: str, words: str) -> None:
    """Show the message of an ExternalSecret, which must have these words."""
    place = "ExternalSecret", name, "default"
    found = stage.until(lambda: words in stage.ready(*place)[2], lambda: stage.ready(*place))
    screen.check(what, found)
    screen.say(Text(stage.ready(*place)[2], "yellow"))


def _row(thing: dict[str, dict[str, str]]) -> str:
    """As kubectl shows it."""
    status, reason, _ = ready(thing)
    metadata = thing["metadata"]
    return f"{metadata['namespace']:<18}{metadata['name']:<32}{reason:<18}{status}"
