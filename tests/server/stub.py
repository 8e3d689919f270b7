"""A mounter that does as the first object's name says, and a daemon around it as a process.

`python -m tests.server.stub --provider-volume=…` is the real daemon but for its engine.
"""

import os
import sys
from pathlib import Path
from time import sleep

from provider import app, cli, errors, signals
from provider.csi.config import Config
from provider.credentials import Identity
from provider.deadline import Deadline
from provider.csi.files.layout import MountedFile
from provider.runtime.metrics import Metrics
from provider.csi.mount import Delivery
from provider.server import grpc_server
from provider.csi.request.model import MountSpec
from provider.trail import Trail

IDENTITY = Identity("irsa", "default", "web", "aws", role="arn:aws:iam::111122223333:role/web")


class StubMounter:
    """`Mounts` without AWS: `hold` waits for the file `release` beside the target."""

    def mount(
        self, spec: MountSpec, *, deadline: Deadline, arrived: float, trail: Trail
    ) -> Delivery:
        """Deliver, wait, fail or break."""
        what = spec.klass.objects[0].ref.name
        trail.identity = IDENTITY
        if what == "hold":
            release = Path(spec.target_path).with_name("release")
            Path(spec.target_path).with_name("held").touch()
            while not release.exists() and not deadline.passed:
                sleep(0.01)
        if what == "bug":
            return self._break(*spec.tokens.values())
        if what == "exit":
            sys.exit("as a library should not")
        if what.startswith("fail-"):
            error: errors.ProviderError = getattr(errors, what.removeprefix("fail-"))("so it is")
            raise error
        content = bytes(5 * 2**20) if what == "large" else b"content of " + what.encode()
        versions = () if what == "unversioned" else ((what, "1"),)
        files = (MountedFile(what, 0o640, content),)
        return Delivery(files, versions, ("eu-west-1",), IDENTITY, from_memory=False)

    def _break(self, token: str) -> Delivery:
        raise ValueError(f"cannot read {token}")


def engine(config: Config, _metrics: Metrics) -> StubMounter:
    """The stub; or what an engine without its files ends in."""
    if config.eks_addon_version == "broken":
        raise FileNotFoundError(2, "No such file or directory", "/etc/ca.crt")
    return StubMounter()


def main(arguments: list[str]) -> int:
    """Be the daemon."""
    signals.hold()
    grpc_server.CONNECTION_SECONDS = 0.5  # tests have less time
    return app.serve(cli.parse(arguments, os.environ), engine)


if __name__ == "__main__":
    main(sys.argv[1:])
