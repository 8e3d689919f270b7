"""`python -m demo.controller`: the controller on an API server; exit code 0 only if all is well."""

from argparse import Namespace

from demo.controller import story
from demo.controller.stage import running
from demo.running import OUTPUT, main, stay_up
from demo.screen import Screen

STEPS = (story.appear, story.rotate, story.breaks, story.heal)


def _run(screen: Screen, options: Namespace) -> None:
    screen.title("A cluster on loopback", "The controller is the real one, as a process.")
    with running(OUTPUT, screen) as stage:
        for step in STEPS:
            step(stage, screen)
            stage.controller.check()
        screen.summary(stage.controller.log_tail)
        if options.keep:
            screen.command(f"    kubectl --kubeconfig {stage.kube.address.kubeconfig} get es -A")
            stay_up()


if __name__ == "__main__":
    main("python -m demo.controller", __doc__, _run)
