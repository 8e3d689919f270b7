"""The primary region cut off: refused, silent, and back again."""

from collections.abc import Iterator

from demo.cluster import Application, new_pod
from demo.due import EXAMPLES, Calls, Due, calls, wrong_calls
from demo.samples import LONDON, PRIMARY
from demo.screen import Screen
from demo.stage import Seen, Stage
from demo.steps.looking import show, wrong_content, wrong_mount, wrong_refusal
from testbed.driver import Mounted, Pod

LONGEST_WAIT = 10.0
"""Seconds that a silent region may cost, on a busy machine."""
SETTLED = 0.5
"""Seconds after which what hung has been sent again and answered."""


def primary_cut_off(stage: Stage, screen: Screen) -> None:
    """New pods start all the same, from the other region."""
    app = stage.application("my-aws-secrets-provider")
    screen.title(
        f"{PRIMARY} is cut off",
        f"{app.file.name} names {LONDON} as failoverRegion: pods start from there, with "
        "credentials from there.",
    )
    # Accounts of its own: those of the first step have credentials already.
    stage.around.kubernetes.put_service_account(app.pod.namespace, "checkout", role_arn=app.role)
    first, second, third, fourth = (
        new_pod(app.pod.namespace, f"checkout-{number}", "checkout") for number in (1, 2, 3, 4)
    )
    _reset(stage, screen, app, first)
    _silent(stage, screen, app, second)
    _both(stage, screen, app, first, third)
    _back(stage, screen, app, fourth)


def _reset(stage: Stage, screen: Screen, app: Application, pod: Pod) -> None:
    screen.heading(f"{PRIMARY} breaks every connection", "a pod whose service account is new here")
    stage.around.wire.cut[PRIMARY] = "reset"
    seen = stage.mount(app, pod)
    show(screen, seen, pod)
    due = calls(sts=LONDON, secrets={LONDON: 1})
    screen.check(f"all files, and all that answered was {LONDON}", _wrong(seen, app, due))


def _silent(stage: Stage, screen: Screen, app: Application, pod: Pod) -> None:
    screen.heading(f"{PRIMARY} takes requests and never answers", "the worst kind of outage")
    stage.around.wire.cut[PRIMARY] = "hang"
    with screen.waiting("mounting, with a region that hangs"):
        seen = stage.mount(app, pod)
    show(screen, seen, pod, with_files=False)
    screen.check("all files", _wrong(seen, app, calls(secrets={LONDON: 1})))
    late = [f"it took {seen.seconds:.1f} s"] if seen.seconds > LONGEST_WAIT else []
    screen.check("the region that hangs held the pod back by a few seconds only", late)
    stage.around.wire.cut[PRIMARY] = "reset"
    stage.around.wire.drop()


def _both(stage: Stage, screen: Screen, app: Application, old: Pod, new: Pod) -> None:
    screen.heading(f"{LONDON} is cut off as well")
    stage.around.wire.cut[LONDON] = "reset"
    seen = stage.mount(app, new)
    show(screen, seen, new)
    problems = wrong_refusal(seen, "INTERNAL", (PRIMARY, LONDON), seen.lost)
    screen.check("a new pod is told which regions do not answer", problems)
    again = stage.mount(app, old)
    screen.check("a running pod keeps its files", _lost_files(again, app))


def _back(stage: Stage, screen: Screen, app: Application, pod: Pod) -> None:
    screen.heading("Both are back")
    stage.around.wire.cut.clear()
    screen.wait(SETTLED, "the regions come back")
    seen = stage.mount(app, pod)
    show(screen, seen, pod, with_files=False)
    due = Due(EXAMPLES[app.name].files, calls(secrets={PRIMARY: 1, LONDON: 1}))
    screen.check("both are asked side by side again", wrong_mount(seen, due))


def _wrong(seen: Seen, app: Application, answered: Calls) -> Iterator[str]:
    """The files are due, and these answers; what got lost must have been meant for the primary."""
    yield from wrong_content(seen, EXAMPLES[app.name])
    yield from wrong_calls(answered, seen.calls - seen.lost)
    if not +seen.lost:
        yield f"expected lost calls to {PRIMARY}, came none"
    for kind in +seen.lost:
        if not kind.endswith(f" {PRIMARY}"):
            yield f"{kind}: expected an answer, came none"


def _lost_files(seen: Seen, app: Application) -> Iterator[str]:
    outcome, files = seen.outcome, EXAMPLES[app.name].files
    kept = outcome.files if isinstance(outcome, Mounted) else {}
    for path in files.keys() - kept.keys():
        yield f"{path}: it is gone"
