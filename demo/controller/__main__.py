"""`python -m demo.controller`: the controller on an API server."""

from demo.controller import story
from demo.controller.stage import running
from demo.running import OUTPUT, main, stay_up
from demo.screen import Screen

FOLDER = OUTPUT / "controller"
ABOUT = "The controller on an API server. The exit code is 0 only if every check passed."


def _run(screen: Screen, keep: bool) -> None:
    screen.say("… the cluster is starting", "dim")
    with running(FOLDER) as stage:
        for step in story.STEPS:
            screen.title(step)
            step(stage, screen)
            stage.controller.check()
        screen.summary(stage.controller.tail)
        if keep:
            screen.command(f"    kubectl --kubeconfig {stage.kube.address.kubeconfig} get es -A")
            stay_up()


if __name__ == "__main__":
    main("demo.controller", ABOUT, FOLDER, _run)
