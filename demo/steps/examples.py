"""Every class of deploy/examples, as it stands."""

from collections.abc import Sequence

from demo.cluster import Application, summaries
from demo.due import EXAMPLES
from demo.screen import Screen
from demo.stage import FOLDER, Stage
from demo.steps.looking import show, wrong_mount


def theirs(stage: Stage, screen: Screen) -> None:
    """Classes that were written for AWS's own provider."""
    screen.title(
        "Classes written for AWS's own provider",
        "Whoever changes over changes the image, and none of the manifests.",
    )
    _mount_all(stage, screen, [one for one in _examples(stage) if _is_theirs(one)])


def ours(stage: Stage, screen: Screen) -> None:
    """All the others."""
    screen.title(
        "Every other example",
        "A class, a service account and a pod for each feature, ready to copy.",
    )
    _mount_all(stage, screen, [one for one in _examples(stage) if not _is_theirs(one)])
    names = {one.name for one in _examples(stage)}
    unknown = [f"{name}: demo/due.py does not say what is due" for name in names - EXAMPLES.keys()]
    screen.check(f"all {len(names)} classes of deploy/examples were mounted", unknown)


def _examples(stage: Stage) -> list[Application]:
    return [one for one in stage.around.applications if one.file.parent == FOLDER]


def _is_theirs(application: Application) -> bool:
    return application.file.name.startswith("csi-")


def _mount_all(stage: Stage, screen: Screen, applications: Sequence[Application]) -> None:
    about = summaries(FOLDER / "README.md")
    for one in applications:
        by = "Pod Identity" if one.uses_pod_identity else "IRSA"
        screen.heading(f"{one.file.name}: {one.name}", f"{about.get(one.file.name, '')} ({by})")
        seen = stage.mount(one)
        show(screen, seen, one.pod)
        if due := EXAMPLES.get(one.name):
            screen.check("contents, modes, versions and calls are as due", wrong_mount(seen, due))
