"""The steps of the demo. Each shows something, and checks it; its docstring is its title."""

import os

from demo.controller.stage import CANARY, DB, MANIFESTS, SEOUL, Stage, condition
from demo.screen import Screen, calls_text, duration
from testbed.cluster_objects import Thing
from testbed.control_plane import program

EXAMPLE = "example-secret"
"""An ExternalSecret that reads `DB`."""
SECRETS = {
    "default/basic-auth-secret-manager": ("auth", f"admin:{CANARY}"),
    "default/basic-auth-secret-ssm": ("auth", f"admin:{CANARY}"),
    "kube-system/clusterexternalsecret-secret": ("auth", f"admin:{CANARY}"),
    "monitoring/clusterexternalsecret-secret": ("auth", f"admin:{CANARY}"),
    "onthetop-backend/onthetop-backend-secrets": ("secrets.properties", f"db.password={CANARY}\n"),
    "default/example-kubernetes-secret": ("username", f"app-{CANARY}"),
}
"""Namespace and name, with the only key and its value."""


def the_cluster(stage: Stage, screen: Screen) -> None:
    """A cluster on loopback

    The controller is the real one, as a process. AWS is emulated, and every call takes 20 ms.
    """
    pid, seconds = stage.process.pid, duration(stage.start_seconds)
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
    for place, (key, value) in SECRETS.items():
        shown = f"Secret {place}: {key} = {screen.value(value.encode())}"
        screen.check(shown, stage.gets(place, key, value), stage.data(place).keys())
    is_read = stage.comes_true(
        lambda: stage.condition("eks-external-secret", "my-app-ns").get("status") == "True"
    )
    is_written = stage.data("my-app-ns/my-cool-k8s-secret-name")
    what = "creationPolicy None: read, and no Secret is written"
    screen.check(what, is_read and not is_written)
    screen.heading("kubectl get es -A")
    screen.excerpt([_row(one) for one in stage.kube.list("ExternalSecret")], 12)
    screen.say(calls_text(stage.aws.journal.calls), "dim")


def rotate(stage: Stage, screen: Screen) -> None:
    """A value changes in AWS

    It is read at the interval, or on demand.
    """
    stage.put_user("second")
    screen.command(f"      kubectl annotate es {EXAMPLE} force-sync=1")
    stage.change(EXAMPLE, {"metadata": {"annotations": {"force-sync": "1"}}})
    screen.check("force-sync: the new value", stage.gets_user("second"))
    stage.change(EXAMPLE, {"spec": {"refreshInterval": "1s"}})
    stage.put_user("third")
    screen.check("refreshInterval 1s: the next value, without force-sync", stage.gets_user("third"))
    stage.kube.delete("Secret", "example-kubernetes-secret", "default")
    screen.check("the Secret is deleted: it is back at once", stage.gets_user("third"))


def breaks(stage: Stage, screen: Screen) -> None:
    """What goes wrong, and what people see

    The condition says what is wrong and what to do. The Secret stays.
    """

    def check(what: str, name: str, words: str) -> None:
        def message() -> str:
            return stage.condition(name).get("message", "")

        screen.check(what, stage.comes_true(lambda: words in message()), message())
        screen.say(message(), "yellow")

    stage.put(DB, '{"user": "x"}')
    check("the key in the JSON has another name", EXAMPLE, '"user"')
    stage.aws.cloud.remove_secret(DB, region="us-east-1")
    check("the secret is gone in AWS", EXAMPLE, "Secret does not exist")
    is_kept = bool(stage.data("default/example-kubernetes-secret"))
    screen.check("deletionPolicy Retain: the Secret stays", is_kept)
    other = "sample-secretsmanager-secret"
    stage.change(other, {"spec": {"refreshInterval": "1d"}})
    check("an interval with a unit that Go does not have", other, 'unknown unit "d"')


def heal(stage: Stage, screen: Screen) -> None:
    """Repairs

    Nothing has to be restarted.
    """
    stage.put_user("fourth")
    screen.check("the secret is back", stage.gets_user("fourth"))
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
    calls, log = len(stage.aws.journal.calls), stage.process.log
    memory = stage.process.metric("process_resident_memory_bytes") / 2**20
    screen.facts(AWS=f"{calls} calls", memory=f"{memory:.0f} MiB resident", log=str(log))
    screen.check("no value is in the log", CANARY not in stage.process.text)


def _row(thing: Thing) -> str:
    """As kubectl shows it."""
    ready, metadata = condition(thing), thing["metadata"]
    reason, status = ready.get("reason", ""), ready.get("status", "")
    return f"{metadata['namespace']:<18}{metadata['name']:<32}{reason:<18}{status}"


STEPS = (the_cluster, appear, rotate, breaks, heal, the_end)


def by_hand(stage: Stage, screen: Screen) -> None:
    """Everything stays up until Ctrl-C

    Paste these in another terminal, here.
    """
    screen.heading("# what the controller works on")
    screen.command(".venv/bin/secrets-provider-aws status")
    kubeconfig = stage.kube.address.kubeconfig
    if kubeconfig.is_file():  # the emulated API server has none: it does not serve kubectl
        screen.heading("# the objects")
        screen.command(f"{program('kubectl')} --kubeconfig {kubeconfig} get es -A")
    screen.heading("# read the log")
    screen.command(f"tail -f {os.path.relpath(stage.process.log)}")
