"""Who asks: IRSA and EKS Pod Identity."""

from collections.abc import Iterator

from demo.cluster import new_pod
from demo.due import EXAMPLES, Due, calls
from demo.node import BAIT
from demo.samples import NODE_REGION, PRIMARY
from demo.screen import Screen
from demo.stage import Seen, Stage
from demo.steps.looking import show, wrong_mount, wrong_refusal
from testbed.aws.iam import ACCOUNT, Role
from testbed.driver import Pod


def both_ways(stage: Stage, screen: Screen) -> None:
    """More pods of service accounts that have mounted already: who signs, and with what."""
    screen.title(
        "As the pod: IRSA and Pod Identity",
        "Each call is signed with credentials of the pod that wants the secret. Those of IRSA "
        "serve all pods of a service account on the node, those of Pod Identity the one pod that "
        "they name.",
    )
    _irsa(stage, screen)
    _pod_identity(stage, screen)
    _auto(stage, screen)
    _nobody(stage, screen)
    screen.check(
        "no call so far was signed with the node's own credentials (in the daemon's environment)",
        _signed_by_the_node(stage),
    )


def _irsa(stage: Stage, screen: Screen) -> None:
    app = stage.application("irsa-example")
    pod = new_pod(app.pod.namespace, "irsa-example-2", app.pod.service_account)
    screen.heading("IRSA: a second pod of irsa-example")
    seen = stage.mount(app, pod)
    show(screen, seen, pod)
    due = Due(EXAMPLES[app.name].files, calls(secrets={PRIMARY: 1}))
    screen.check("the same files, fetched anew; credentials are at hand", wrong_mount(seen, due))


def _pod_identity(stage: Stage, screen: Screen) -> None:
    app = stage.application("example-pod-identity-spc")
    pod = new_pod(app.pod.namespace, "pod-identity-2", app.pod.service_account)
    screen.heading("Pod Identity: a second pod of example-pod-identity-spc")
    seen = stage.mount(app, pod)
    show(screen, seen, pod)
    due = Due(EXAMPLES[app.name].files, calls(agent=1, secrets={NODE_REGION: 1}))
    screen.check(
        "the same files; the agent is asked for this pod's credentials", wrong_mount(seen, due)
    )
    _check_signer(stage, screen, seen, pod)


def _auto(stage: Stage, screen: Screen) -> None:
    """The class that the examples' step has mounted by IRSA, now with an association as well."""
    app = stage.application("auto-example")
    account = "auto-moved"
    around = stage.around
    around.kubernetes.put_service_account(app.pod.namespace, account, role_arn=app.role)
    role = Role(f"arn:aws:iam::{ACCOUNT}:role/{account}")
    around.cloud.associate(app.pod.namespace, account, role)
    pod = new_pod(app.pod.namespace, "auto-moved-1", account)
    screen.heading(
        f"{app.name} for a service account that has both",
        "auth: auto; the association wins over the annotation",
    )
    seen = stage.mount(app, pod)
    show(screen, seen, pod)
    due = Due(EXAMPLES[app.name].files, calls(agent=1, secrets={PRIMARY: 1}))
    screen.check("the same files by Pod Identity; STS is not asked", wrong_mount(seen, due))
    _check_signer(stage, screen, seen, pod)


def _check_signer(stage: Stage, screen: Screen, seen: Seen, pod: Pod) -> None:
    sessions = stage.around.cloud.sessions
    names = [sessions[key].name if key in sessions else "somebody" for key in seen.signers]
    screen.check(
        f"signed with what the agent gave to {pod.name}",
        [f"signed by {name}" for name in names if pod.name not in name],
    )


def _nobody(stage: Stage, screen: Screen) -> None:
    """A service account without a role gets nothing: not even what the node itself may read."""
    app = stage.application("irsa-example")
    stage.around.kubernetes.put_service_account("default", "nobody")
    pod = new_pod("default", "nobody-1", "nobody")
    screen.heading("A service account without a role")
    seen = stage.mount(app, pod)
    show(screen, seen, pod)
    words = "default/nobody", "eks.amazonaws.com/role-arn"
    problems = wrong_refusal(seen, "FAILED_PRECONDITION", words)
    screen.check("refused before AWS is asked, with what to do about it", problems)


def _signed_by_the_node(stage: Stage) -> Iterator[str]:
    for call in stage.around.wire.journal.calls:
        if call.identity == BAIT:
            yield f"{call.operation} {call.region} was signed by the node"
