"""The steps of the demo. Each shows something, and checks it; its docstring is its title."""

import time
from collections.abc import Sequence

from demo.running import NODE_KEY
from demo.screen import Screen, duration, short_version
from demo.stage import INTERVAL, Seen, Stage
from testbed import examples, faults
from testbed.driver import Mounted
from testbed.examples import LONDON, NODE, NODE_REGION, PRIMARY

ASSUME, AGENT = f"AssumeRoleWithWebIdentity {PRIMARY}", "credentials agent"
GET, DESCRIBE = f"GetSecretValue {PRIMARY}", f"DescribeSecret {PRIMARY}"
PARAMETERS, IN_LONDON = f"GetParameters {PRIMARY}", f"GetSecretValue {LONDON}"


def the_node(stage: Stage, screen: Screen) -> None:
    """A node on loopback

    AWS, Kubernetes and kubelet are emulated; the daemon is the real one. Every call takes 20 ms.
    """
    pid, seconds = stage.process.pid, duration(stage.start_seconds)
    screen.facts(
        daemon=f"process {pid}, serves {seconds} after its start",
        socket=str(stage.socket),
        AWS=stage.aws.url,
        Kubernetes=f"{stage.kubernetes.url}: {NODE} is in {NODE_REGION}",
        Pod_Identity=stage.agent.url,
    )
    answer = stage.driver.version()
    about = f"{answer.runtime_name} {answer.runtime_version} speaks {answer.version}"
    screen.check(about, answer.version == "v1alpha1")


def classes(stage: Stage, screen: Screen) -> None:
    """Classes

    A class that was written for AWS's own provider works as it is. The others are from
    deploy/examples, one for each feature.
    """

    def show(name: str, about: str, files: int, *calls: str) -> None:
        app = stage.applications[name]
        seen = stage.show(screen, app, f"{app.file.name}: {name}", about)
        is_so = len(seen.files) == files and seen.operations == sorted((ASSUME, *calls))
        screen.check("files and calls are as expected", is_so, seen)

    about = "written for AWS's own provider, with a failover region"
    show("my-aws-secrets-provider", about, 3, GET, IN_LONDON)
    show("permissions-example", "file modes", 3, GET, GET)
    about = "versions and labels, of secrets and parameters"
    show("versions-example", about, 5, PARAMETERS, PARAMETERS, GET, GET, GET)


def identities(stage: Stage, screen: Screen) -> None:
    """As the pod: IRSA and Pod Identity

    Every call is signed with credentials of the pod. Those of IRSA serve all pods of a service
    account on the node, those of Pod Identity the one pod that they name.
    """
    irsa, app = stage.applications["irsa-example"], stage.applications["pod-identity-example"]
    about = "irsa-example, then a second pod of the same service account"
    stage.show(screen, irsa, "IRSA", about)
    seen = stage.show(screen, irsa, pod=stage.new_pod(irsa, "irsa-example-2"))
    screen.check("the second pod needs no new credentials", ASSUME not in seen.operations, seen)

    seen = stage.show(screen, app, "Pod Identity", app.name)
    screen.check("the agent gives credentials", seen.operations == [GET, AGENT], seen)
    signer = next(call.identity for call in seen.calls if call.service == "secretsmanager")
    screen.check(f"the calls are signed as {app.pod.name}", app.pod.name in signer, signer)

    pod = stage.new_pod(irsa, "nobody-1", "nobody")
    stage.kubernetes.put_service_account(pod.namespace, "nobody")
    seen = stage.show(screen, irsa, "A service account without a role", pod=pod)
    is_so = seen.is_refused("FAILED_PRECONDITION", "default/nobody", "eks.amazonaws.com/role-arn")
    screen.check("refused, although the node itself has credentials", is_so, seen)
    signers = {call.identity for call in stage.aws.journal.calls}
    is_so = not any(NODE_KEY in one for one in signers)
    screen.check("no call was signed with the node's own credentials", is_so, signers)


def outage(stage: Stage, screen: Screen) -> None:
    """eu-west-1 is down

    The class names eu-west-2 as failoverRegion: new pods start with values and credentials from
    there.
    """
    app = stage.applications["my-aws-secrets-provider"]
    files = stage.mount(app).files
    inject, clear = stage.aws.faults.inject, stage.aws.faults.clear

    def show(name: str, heading: str, about: str = "") -> Seen:
        return stage.show(screen, app, heading, about, pod=stage.new_pod(app, name, "checkout"))

    inject(faults.reset(), region=PRIMARY)
    about = "the first pod of a service account"
    seen = show("checkout-1", f"{PRIMARY} resets every connection", about)
    is_so = seen.files == files and IN_LONDON in seen.operations
    screen.check(f"it starts from {LONDON}", is_so, seen)
    clear()

    inject(faults.hang(), region=PRIMARY)
    about = "the worst kind of outage"
    seen = show("checkout-2", f"{PRIMARY} accepts requests and never answers", about)
    is_so = seen.files == files and seen.seconds < 10  # on a busy machine
    screen.check(f"it starts from {LONDON}, after a few seconds", is_so, seen)
    clear()
    stage.aws.stop()  # ends what still hangs
    stage.aws.start()

    inject(faults.reset())
    seen = show("checkout-3", f"{LONDON} is down as well")
    is_so = seen.is_refused("INTERNAL", PRIMARY, LONDON)
    screen.check("a new pod learns which regions do not answer", is_so, seen)
    seen = stage.mount(app)
    screen.check("a running pod keeps its files", seen.files == files, seen)
    clear()


def rotation(stage: Stage, screen: Screen) -> None:
    """A secret is rotated

    kubelet mounts every volume again about once a minute, and AWS bills every call. A validation
    holds for all pods of the identity, for --rotation-poll-interval (1 s here, 2 m by default).
    After that, one DescribeSecret shows whether the version is still the current one.
    """
    app, winter = stage.applications["many-pods-example"], examples.login("winter-4714")
    pods = [stage.new_pod(app, f"web-{number}") for number in (1, 2, 3)]

    def mount(heading: str, about: str, first: Sequence[str], *others: list[str]) -> None:
        """Mount all, the first with these calls, and the others with one of those."""
        screen.heading(heading, about)
        for pod, allowed in zip(pods, ([first], others, others), strict=True):
            seen = stage.mount(app, pod)
            is_so = isinstance(seen.outcome, Mounted) and seen.operations in allowed
            screen.check(f"{pod.name}: {_summary(seen)}", is_so, seen)

    about = "one fetch serves all within 0.5 s"
    mount("Three pods of one Deployment start", about, [ASSUME, GET], [], [GET])  # if it is late
    mount("All three again, at once", "no call", [], [])
    time.sleep(past := INTERVAL + 0.2)  # a validation does not hold any more
    about = "one call for all, and no value"
    mount(f"All three again, after {past:g} s", about, [DESCRIBE], [])
    stage.aws.cloud.put_secret("example/database", winter, region=PRIMARY)
    rotated = time.monotonic()
    time.sleep(past)
    about = f"nobody restarts a pod; {past:g} s later"
    mount("example/database gets a new value", about, [DESCRIBE, GET], [])
    outcome = stage.show(screen, app, pod=pods[-1]).outcome
    elapsed = duration(time.monotonic() - rotated)
    has_it = isinstance(outcome, Mounted) and outcome.files["database.json"] == winter.encode()
    screen.check(f"every pod has it {elapsed} after the rotation", has_it)


def _summary(seen: Seen) -> str:
    if not isinstance(seen.outcome, Mounted):
        return f"refused in {seen.text}"
    what = "files written" if seen.outcome.changed else "files unchanged"
    return f"{what}, version {short_version(seen.outcome.versions['database.json'])}, {seen.text}"


def mistakes(stage: Stage, screen: Screen) -> None:
    """What goes wrong, and what people see

    Every mistake at once, with its place. No message contains a value. The classes are in
    demo/broken.yaml.
    """
    app = stage.applications["three-mistakes"]
    seen = stage.show(screen, app, app.name, "refused before any call")
    places = "objects[0].objectType", "objects[1].filePermission", "jmesPath[0].objectAlias"
    is_so = seen.is_refused("INVALID_ARGUMENT", *places) and not seen.operations
    screen.check("all three mistakes, no call", is_so, seen)

    app = stage.applications["missing-things"]
    about = "a secret, a parameter and a key that do not exist"
    seen = stage.show(screen, app, app.name, about)
    words = "example/databse", "pasword", "/example/web/urls", PRIMARY, "username"
    is_so = seen.is_refused("NOT_FOUND", *words)
    screen.check("all three, with region, AWS error code and the keys of the document", is_so, seen)


STEPS = (the_node, classes, identities, outage, rotation, mistakes)


def the_end(stage: Stage, screen: Screen) -> None:
    """The end

    What the daemon counted, and what is left to look at.
    """
    count, prefix = stage.process.metric, "secrets_provider_aws"
    mounts, failed = (
        count(f"{prefix}_mounts_total"),
        count(f'{prefix}_mounts_total{{outcome="failed"'),
    )
    calls = count(f"{prefix}_aws_request_duration_seconds_count")
    memory = count("process_resident_memory_bytes") / 2**20
    screen.facts(
        mounts=f"{mounts:.0f}, of which {failed:.0f} failed, as they should",
        AWS=f"{calls:.0f} calls, retries included",
        memory=f"{memory:.0f} MiB resident",
        files=f"{stage.output}/kubelet/pods/",
        log=str(stage.process.log),
    )
