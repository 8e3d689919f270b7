"""The steps of the demo. Each shows something, and checks it."""

import time

from demo.process import NODE_KEY
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
ASSUME, AGENT = f"AssumeRoleWithWebIdentity {PRIMARY}", "credentials agent"
GET, DESCRIBE = f"GetSecretValue {PRIMARY}", f"DescribeSecret {PRIMARY}"
PARAMETERS, IN_LONDON = f"GetParameters {PRIMARY}", f"GetSecretValue {LONDON}"
SHOWN = (
    (
        "my-aws-secrets-provider",
        "written for AWS's provider, with a failover region",
        [
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:my-app-secret",
            "dbpassword",
            "dbusername",
        ],
        [ASSUME, GET, IN_LONDON],
    ),
    (
        "permissions-example",
        "file modes",
        ["server.key", "service.json", "username"],
        [ASSUME, GET, GET],
    ),
    (
        "versions-example",
        "versions and labels, of secrets and parameters",
        ["database", "database-before", "database-pinned", "url-3", "url-release"],
        [ASSUME, PARAMETERS, PARAMETERS, GET, GET, GET],
    ),
)
"""Name of a class, what it shows, its files, and the calls of a first mount."""


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
    screen.check(about, answer.version == "v1alpha1")


def classes(stage: Stage, screen: Screen) -> None:
    """A class written for AWS's own provider, and some features."""
    screen.title(
        "Classes",
        "A class that was written for AWS's own provider works as it is. The others are from "
        "deploy/examples, one for each feature.",
    )
    for name, about, files, calls in SHOWN:
        app = stage.application(name)
        screen.heading(f"{app.file.name}: {name}", about)
        seen = stage.show(screen, app)
        is_so = seen.files == files and seen.operations == sorted(calls)
        screen.check("files and calls are as expected", is_so, seen)


def identities(stage: Stage, screen: Screen) -> None:
    """Which credentials sign the calls."""
    screen.title(
        "As the pod: IRSA and Pod Identity",
        "Every call is signed with credentials of the pod. Those of IRSA serve all pods of a "
        "service account on the node, those of Pod Identity the one pod that they name.",
    )
    screen.heading("IRSA", "irsa-example, then a second pod of the same service account")
    app = stage.application("irsa-example")
    stage.show(screen, app)
    seen = stage.show(screen, app, stage.new_pod(app, "irsa-example-2"))
    screen.check("the second pod needs no new credentials", ASSUME not in seen.operations, seen)

    screen.heading("Pod Identity", "pod-identity-example")
    app = stage.application("pod-identity-example")
    seen = stage.show(screen, app)
    screen.check("the agent gives credentials", seen.operations == [GET, AGENT], seen)
    signer = next(call.identity for call in seen.calls if call.service == "secretsmanager")
    screen.check(f"the calls are signed as {app.pod.name}", app.pod.name in signer, signer)

    screen.heading("A service account without a role")
    app = stage.application("irsa-example")
    pod = stage.new_pod(app, "nobody-1", "nobody")
    stage.kubernetes.put_service_account(pod.namespace, "nobody")
    seen = stage.show(screen, app, pod)
    words = "default/nobody", "eks.amazonaws.com/role-arn"
    is_so = seen.is_refused("FAILED_PRECONDITION", *words)
    screen.check("refused, although the node itself has credentials", is_so, seen)
    signers = {call.identity for call in stage.aws.journal.calls}
    is_so = not any(NODE_KEY in one for one in signers)
    screen.check("no call was signed with the node's own credentials", is_so, signers)


def outage(stage: Stage, screen: Screen) -> None:
    """The primary region fails, then hangs, then both fail."""
    app = stage.application("my-aws-secrets-provider")
    screen.title(
        f"{PRIMARY} is down",
        f"{app.file.name} names {LONDON} as failoverRegion: new pods start with values and "
        "credentials from there.",
    )
    files = stage.mount(app).files
    inject, clear = stage.aws.faults.inject, stage.aws.faults.clear

    def show(name: str) -> Seen:
        return stage.show(screen, app, stage.new_pod(app, name, "checkout"))

    screen.heading(f"{PRIMARY} resets every connection", "the first pod of a service account")
    inject(faults.reset(), region=PRIMARY)
    seen = show("checkout-1")
    is_so = seen.files == files and IN_LONDON in seen.operations
    screen.check(f"it starts from {LONDON}", is_so, seen)
    clear()

    screen.heading(f"{PRIMARY} accepts requests and never answers", "the worst kind of outage")
    inject(faults.hang(), region=PRIMARY)
    with screen.waiting("mounting, with a region that hangs"):
        seen = show("checkout-2")
    is_so = seen.files == files and seen.seconds < LONGEST_OUTAGE
    screen.check(f"it starts from {LONDON}, after a few seconds", is_so, seen)

    screen.heading(f"{LONDON} is down as well")
    clear()
    stage.aws.stop()  # ends what still hangs
    stage.aws.start()
    inject(faults.reset())
    seen = show("checkout-3")
    is_so = seen.is_refused("INTERNAL", PRIMARY, LONDON)
    screen.check("a new pod learns which regions do not answer", is_so, seen)
    seen = stage.mount(app)
    screen.check("a running pod keeps its files", seen.files == files, seen)
    clear()


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

    def mount(first: list[str], others: list[str], *, at_most: bool = False) -> None:
        for pod, calls in zip(pods, (first, others, others), strict=True):
            seen = stage.mount(app, pod)
            is_so = set(seen.operations) <= set(calls) if at_most else seen.operations == calls
            screen.check(f"{pod.name}: {_summary(seen)}", is_so, seen)

    screen.heading("Three pods of one Deployment start", "one fetch serves all within 0.5 s")
    mount([ASSUME, GET], [GET], at_most=True)  # on a busy machine a pod may come later
    screen.heading("All three again, at once", "no call")
    mount([], [])
    screen.heading(f"All three again, after {PAST:g} s", "one call for all, and no value")
    _wait(screen)
    mount([DESCRIBE], [])
    stage.aws.cloud.put_secret("example/database", WINTER, region=PRIMARY)
    rotated = time.monotonic()
    screen.heading("example/database gets a new value", "nobody restarts a pod")
    _wait(screen)
    mount([DESCRIBE, GET], [])
    outcome = stage.show(screen, app, pods[-1]).outcome
    elapsed = duration(time.monotonic() - rotated)
    has_it = isinstance(outcome, Mounted) and outcome.files["database.json"] == WINTER.encode()
    screen.check(f"every pod has it {elapsed} after the rotation", has_it)


def _wait(screen: Screen) -> None:
    with screen.waiting(f"{PAST:g} s go by"):
        time.sleep(PAST)


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
    places = "objects[0].objectType", "objects[1].filePermission", "jmesPath[0].objectAlias"
    is_so = seen.is_refused("INVALID_ARGUMENT", *places) and not seen.operations
    screen.check("all three mistakes, no call", is_so, seen)

    screen.heading("missing-things", "a secret, a parameter and a key that do not exist")
    seen = stage.show(screen, stage.application("missing-things"))
    words = "example/databse", "pasword", "/example/web/urls", PRIMARY, "username"
    is_so = seen.is_refused("NOT_FOUND", *words)
    screen.check("all three, with region, AWS error code and the keys of the document", is_so, seen)


def the_end(stage: Stage, screen: Screen) -> None:
    """What the daemon counted."""
    screen.title("The end", "What the daemon counted, and what is left to look at.")
    count = stage.daemon.metric
    mounts = int(count("secrets_provider_aws_mounts_total"))
    failed = int(count("secrets_provider_aws_mounts_total", outcome="failed"))
    calls = int(count("secrets_provider_aws_aws_request_duration_seconds_count"))
    screen.facts(
        mounts=f"{mounts}, of which {failed} failed, as they should",
        AWS=f"{calls} calls, retries included",
        memory=f"{count('process_resident_memory_bytes') / 2**20:.0f} MiB resident",
        files=f"{stage.output}/kubelet/pods/",
        log=f"{stage.output}/daemon.log",
    )
