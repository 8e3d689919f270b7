"""`python -m demo.controller`: the controller on an API server."""

import os
from pathlib import Path

from demo.controller import story
from demo.controller.stage import running
from demo.running import OUTPUT, main, stay_up
from demo.screen import Screen
from testbed.control_plane import program

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
            screen.title(by_hand)
            by_hand(screen, stage.kube.address.kubeconfig, stage.controller.log)
            stay_up()


def by_hand(screen: Screen, kubeconfig: Path, log: Path) -> None:
    """Everything stays up until Ctrl-C

    Paste these in another terminal, here.
    """
    screen.heading("# what the controller works on")
    screen.command(".venv/bin/secrets-provider-aws status")
    if kubeconfig.is_file():  # the emulated API server has none: it does not serve kubectl
        screen.heading("# the objects")
        screen.command(f"{program('kubectl')} --kubeconfig {kubeconfig} get es -A")
    screen.heading("# read the log")
    screen.command(f"tail -f {os.path.relpath(log)}")


if __name__ == "__main__":
    main("demo.controller", ABOUT, FOLDER, _run)
