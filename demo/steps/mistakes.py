"""Classes that cannot be mounted, and what their authors are told."""

from demo.due import calls
from demo.samples import PRIMARY
from demo.screen import Screen
from demo.stage import BROKEN, Stage
from demo.steps.looking import show, wrong_refusal


def what_people_are_told(stage: Stage, screen: Screen) -> None:
    """Each mistake with its place, and each missing thing with what to do."""
    screen.title(
        "What goes wrong, and what people are told",
        "Every mistake at once, with its place; never a value. The classes are in "
        f"demo/{BROKEN.name}.",
    )
    app = stage.application("three-mistakes")
    screen.heading(f"{app.name}", "nothing leaves the node before the class makes sense")
    seen = stage.mount(app)
    show(screen, seen, app.pod)
    places = (
        "objects[0].objectType",
        "objects[1].filePermission",
        "objects[2].jmesPath[0].objectAlias",
    )
    screen.check("all three mistakes, no call", wrong_refusal(seen, "INVALID_ARGUMENT", places))

    app = stage.application("missing-things")
    screen.heading(f"{app.name}", "a secret, a parameter and a key that are not there")
    seen = stage.mount(app)
    show(screen, seen, app.pod)
    words = "example/databse", "pasword", "/example/web/urls", PRIMARY, "username"
    due = calls(sts=PRIMARY, secrets={PRIMARY: 2}, parameters={PRIMARY: 1})
    problems = wrong_refusal(seen, "NOT_FOUND", words, due)
    screen.check("all three, with region, AWS code, and the keys that there are", problems)
