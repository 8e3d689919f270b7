"""A secret is rotated while pods run."""

import time
from collections.abc import Mapping, Sequence

from demo.cluster import Application, new_pod
from demo.due import EXAMPLES, Calls, Due, File, calls
from demo.samples import DATABASE, PRIMARY
from demo.screen import Screen, milliseconds, short_version
from demo.stage import INTERVAL, Seen, Stage
from demo.steps.looking import costs, show, wrong_mount
from testbed.driver import Mounted, Pod

DESCRIBE = f"DescribeSecret {PRIMARY}"
FILE = "database.json"
NEW_VALUE = '{"username": "shop", "password": "winter-4714", "host": "db.shop.internal"}'
PAST = INTERVAL + 0.2
"""Seconds after which what was found current has to be asked for again."""


def secret_rotated(stage: Stage, screen: Screen) -> None:
    """Mount, mount again, and again after the rotation."""
    app = stage.application("many-pods-example")
    screen.title(
        "A secret is rotated",
        "kubelet asks again for every pod about once a minute, and AWS bills every call. What was "
        "found current counts for all pods of the identity for --rotation-poll-interval "
        f"({INTERVAL:g} s here, 2 m by default); after that, one DescribeSecret tells.",
    )
    names = "web-1", "web-2", "web-3"
    pods = [new_pod(app.pod.namespace, name, app.pod.service_account) for name in names]
    screen.heading("Three pods of one Deployment start", "first mounts always fetch")
    due = Due(EXAMPLES[app.name].files, calls(secrets={PRIMARY: 1}))
    for pod in pods:
        seen = stage.mount(app, pod)
        screen.check(f"{pod.name}: {_summary(seen)}", wrong_mount(seen, due))
    screen.heading("All three again, at once", "nothing has changed, nobody is asked")
    _again(stage, screen, app, pods, due=(EXAMPLES[app.name].files, Calls()))
    screen.heading(
        f"All three again, after {PAST:g} s", "one question for all, and no value is fetched"
    )
    screen.wait(PAST, f"{PAST:g} s go by")
    _again(stage, screen, app, pods, due=(EXAMPLES[app.name].files, Calls({DESCRIBE: 1})))
    _rotate(stage, screen, app, pods)


def _rotate(stage: Stage, screen: Screen, app: Application, pods: Sequence[Pod]) -> None:
    version = stage.around.owner.rotate(DATABASE, NEW_VALUE)
    screen.heading(f"{DATABASE.name} gets a new value", f"version {short_version(version)}")
    asked = time.monotonic()
    screen.wait(PAST, f"{PAST:g} s go by")
    new = {FILE: File(NEW_VALUE.encode(), version)}
    made = Calls({DESCRIBE: 1, f"GetSecretValue {PRIMARY}": 1})
    _again(stage, screen, app, pods, due=(new, made))
    seen = stage.mount(app, pods[0])
    show(screen, seen, pods[0])
    screen.say(
        f"every pod has it {milliseconds(time.monotonic() - asked)} after the rotation", "dim"
    )


def _again(
    stage: Stage,
    screen: Screen,
    app: Application,
    pods: Sequence[Pod],
    *,
    due: tuple[Mapping[str, File], Calls],
) -> None:
    """Remount all pods: the first one's calls are due, and none for the others."""
    files, made = due
    for pod in pods:
        seen = stage.mount(app, pod)
        screen.check(f"{pod.name}: {_summary(seen)}", wrong_mount(seen, Due(files, made)))
        made = Calls()


def _summary(seen: Seen) -> str:
    outcome = seen.outcome
    if not isinstance(outcome, Mounted):
        return f"refused in {milliseconds(seen.seconds)}"
    what = "files written" if outcome.changed else "files left as they are"
    version = short_version(outcome.versions.get(FILE))
    return f"{what}, version {version}, {milliseconds(seen.seconds)} · {costs(seen)}"
