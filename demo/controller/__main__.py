"""`python -m demo.controller`: the controller on an API server."""

from demo.controller import story
from demo.controller.stage import running
from demo.running import Demo

if __name__ == "__main__":
    about = "The controller on an API server."
    Demo("demo.controller", about, running, story.STEPS, story.by_hand).main()
