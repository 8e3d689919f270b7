"""The steps of the demo. Each shows something, and checks it."""

import time

from demo.node import NODE_KEY
from demo.screen import Screen, duration, short_version
from demo.stage import BROKEN, INTERVAL, Seen, Stage
from testbed import examples, faults
from testbed.driver import Mounted
from testbed.examples import LONDON, NODE, NODE_REGION, PRIMARY

WINTER = examples.login("winter-4714")
PAST = INTERVAL + 0.2
"""Seconds after which a validation does not hold any more."""
LONGEST_OUTAGE = 10.0
"""Seconds that a region which hangs may cost on a busy machine."""


def the_node(stage: Stage, screen: Screen) -> None:
    """What runs."""
    screen.facts(
        daemon=f"process {stage.daemon.pid}, serves {duration(stage.daemon.start_seconds)} "
        "after its start",
        socket=str(stage.socket),
        AWS=stage.aws.url,
        Kubernetes=f"{stage.kubernetes.url}: {NODE} is in {NODE_REGION}",
        Pod_Identity=stage.agent.url,
    )
    answer = stage.driver.version()
    about = f"{answer.runtime_name} {answer.runtime_version} speaks {answer.version}"
    screen.check(about, ["expected v1alpha1"] if answer.version != "v1alpha1" else [])


def classes(stage: Stage, screen: Screen) -> None:
    """A class written for AWS's own provider, and some features."""
    screen.title(
        "Classes",
        "A class that was written for AWS's own provider works as it is. The others are from "
        "deploy/examples, one for each feature.",
    )
    first = [f"AssumeRoleWithWebIdentity {PRIMARY}", f"GetSecretValue {PRIMARY}"]
    whole = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:my-app-secret"
    for name, about, files, calls in (
        (
            "my-aws-secrets-provider",
            "written for AWS's provider, with a failover region",
            [whole, "dbusername", "dbpassword"],
            [*first, f"GetSecretValue {LONDON}"],
        ),
        (
            "permissions-example",
            "file modes",
            ["server.key", "service.json", "username"],
            [*first, f"GetSecretValue {PRIMARY}"],
        ),
        (
            "versions-example",
            "versions and labels, of secrets and parameters",
            ["database", "database-before", "database-pinned", "url-3", "url-release"],
            [*first, *[f"GetSecretValue {PRIMARY}"] * 2, *[f"GetParameters {PRIMARY}"] * 2],
        ),
    ):
        app = stage.application(name)
        screen.heading(f"{app.file.name}: {name}", about)
        seen = stage.show(screen, app)
        screen.check("files and calls are as expected", seen.problems(files, calls))


def identities(stage: Stage, screen: Screen) -> None:
    """Which credentials sign the calls."""
    screen.title(
        "As the pod: IRSA and Pod Identity",
        "Every call is signed with credentials of the pod. Those of IRSA serve all pods of a "
        "service account on the node, those of Pod Identity the one pod that they name.",
    )
    files = ["example_database"]
    screen.heading("IRSA", "irsa-example, then a second pod of the same service account")
    app = stage.application("irsa-example")
    stage.show(screen, app)
    seen = stage.show(screen, app, stage.new_pod(app, "irsa-example-2"))
    fetch = [f"GetSecretValue {PRIMARY}"]
    assumed = [call for call in seen.operations if call.startswith("AssumeRole")]
    screen.check("the second pod needs no new credentials", assumed)

    screen.heading("Pod Identity", "pod-identity-example")
    app = stage.application("pod-identity-example")
    seen = stage.show(screen, app)
    screen.check("the agent gives credentials", seen.problems(files, ["credentials agent", *fetch]))
    signer = next(call.identity for call in seen.calls if call.service == "secretsmanager")
    named = [] if app.pod.name in signer else [f"signed by {signer}"]
    screen.check(f"the calls are signed as {app.pod.name}", named)

    screen.heading("A service account without a role")
    app = stage.application("irsa-example")
    pod = stage.new_pod(app, "nobody-1", "nobody")
    stage.kubernetes.put_service_account(pod.namespace, "nobody")
    seen = stage.show(screen, app, pod)
    role = "default/nobody", "eks.amazonaws.com/role-arn"
    problems = seen.refusal_problems("FAILED_PRECONDITION", *role)
    screen.check("refused, although the node itself has credentials", problems)
    screen.check(
        "no call was signed with the node's own credentials",
        [call.operation for call in stage.aws.journal.calls if NODE_KEY in call.identity],
    )


def outage(stage: Stage, screen: Screen) -> None:
    """The primary region fails, then hangs, then both fail."""
    app = stage.application("my-aws-secrets-provider")
    screen.title(
        f"{PRIMARY} is down",
        f"{app.file.name} names {LONDON} as failoverRegion: new pods start with values and "
        "credentials from there.",
    )
    files = list(stage.mount(app).files)
    inject, clear = stage.aws.faults.inject, stage.aws.faults.clear

    def show(name: str, account: str = "checkout") -> Seen:
        return stage.show(screen, app, stage.new_pod(app, name, account))

    screen.heading(f"{PRIMARY} resets every connection", "the first pod of a service account")
    inject(faults.reset(), region=PRIMARY)
    seen = show("checkout-1")
    values = [call.region for call in seen.calls if call.operation == "GetSecretValue"]
    problems = _missing(seen, files) if LONDON in values else [f"{LONDON} was not asked"]
    screen.check(f"it starts from {LONDON}", problems)
    clear()

    screen.heading(f"{PRIMARY} accepts requests and never answers", "the worst kind of outage")
    inject(faults.hang(), region=PRIMARY)
    with screen.waiting("mounting, with a region that hangs"):
        seen = show("checkout-2")
    late = [f"it took {seen.seconds:.1f} s"] if seen.seconds > LONGEST_OUTAGE else []
    what = f"it starts from {LONDON}, after a few seconds"
    screen.check(what, [*_missing(seen, files), *late])

    screen.heading(f"{LONDON} is down as well")
    clear()
    stage.aws.stop()  # ends what still hangs
    stage.aws.start()
    inject(faults.reset())
    seen = show("checkout-3")
    problems = list(seen.refusal_problems("INTERNAL", PRIMARY, LONDON))
    screen.check("a new pod learns which regions do not answer", problems)
    screen.check("a running pod keeps its files", _missing(stage.mount(app), files))
    clear()


def _missing(seen: Seen, files: list[str]) -> list[str]:
    return [f"{path} is missing" for path in files if path not in seen.files]


def rotation(stage: Stage, screen: Screen) -> None:
    """A secret is rotated while pods run."""
    app = stage.application("many-pods-example")
    screen.title(
        "A secret is rotated",
        "kubelet mounts every volume again about once a minute, and AWS bills every call. A "
        "validation holds for all pods of the identity, for --rotation-poll-interval "
        f"({INTERVAL:g} s here, 2 m by default). After that, one DescribeSecret tells.",
    )
    pods = [stage.new_pod(app, f"web-{number}") for number in (1, 2, 3)]
    files = ["database.json"]
    fetch, describe = f"GetSecretValue {PRIMARY}", f"DescribeSecret {PRIMARY}"

    def mount(*calls: list[str]) -> None:
        for pod, expected in zip(pods, calls, strict=True):
            seen = stage.mount(app, pod)
            screen.check(f"{pod.name}: {_summary(seen)}", seen.problems(files, expected))

    screen.heading("Three pods of one Deployment start", "one fetch serves all within 0.5 s")
    expected = [f"AssumeRoleWithWebIdentity {PRIMARY}", fetch]
    for pod in pods:
        seen = stage.mount(app, pod)
        if pod is not pods[0]:  # on a busy machine it may come later
            expected = [fetch] * len(seen.operations)
        screen.check(f"{pod.name}: {_summary(seen)}", seen.problems(files, expected))
    screen.heading("All three again, at once", "no call")
    mount([], [], [])
    screen.heading(f"All three again, after {PAST:g} s", "one call for all, and no value")
    screen.wait(PAST)
    mount([describe], [], [])
    stage.aws.cloud.put_secret("example/database", WINTER, region=PRIMARY)
    rotated = time.monotonic()
    screen.heading("example/database gets a new value", "nobody restarts a pod")
    screen.wait(PAST)
    mount([describe, fetch], [], [])
    seen = stage.show(screen, app, pods[-1])
    arrived = seen.files["database.json"] == WINTER.encode()
    elapsed = duration(time.monotonic() - rotated)
    screen.check(
        f"every pod has it {elapsed} after the rotation", [] if arrived else ["it has not"]
    )


def _summary(seen: Seen) -> str:
    if not isinstance(seen.outcome, Mounted):
        return f"refused in {seen.text}"
    what = "files written" if seen.outcome.changed else "files unchanged"
    return f"{what}, version {short_version(seen.outcome.versions['database.json'])}, {seen.text}"


def mistakes(stage: Stage, screen: Screen) -> None:
    """Classes that cannot be mounted, and what their authors see."""
    screen.title(
        "What goes wrong, and what people see",
        f"Every mistake at once, with its place; never a value. The classes are in {BROKEN.name}.",
    )
    screen.heading("three-mistakes", "refused before any call")
    seen = stage.show(screen, stage.application("three-mistakes"))
    places = (
        "objects[0].objectType",
        "objects[1].filePermission",
        "objects[2].jmesPath[0].objectAlias",
    )
    problems = [*seen.refusal_problems("INVALID_ARGUMENT", *places), *seen.operations]
    screen.check("all three mistakes, no call", problems)

    screen.heading("missing-things", "a secret, a parameter and a key that do not exist")
    seen = stage.show(screen, stage.application("missing-things"))
    words = "example/databse", "pasword", "/example/web/urls", PRIMARY, "username"
    problems = list(seen.refusal_problems("NOT_FOUND", *words))
    screen.check("all three, with region, AWS error code and the keys of the document", problems)
