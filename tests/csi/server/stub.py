"""A mounter that does what the first object's name says, and a daemon around it as a process.

`python -m tests.csi.server.stub --provider-volume=…` is the real daemon but for its engine.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any, cast

from provider import errors
from provider.csi import app
from provider.csi.config import Config
from provider.csi.files.layout import MountedFile
from provider.csi.mount import DeliveredObject, Delivery, Mounter
from provider.csi.request.model import MountSpec
from provider.csi.server import grpc_server
from provider.engine.model import Identity, SecretValue
from provider.engine.trace import Trace
from tests.serve_options import parse

IDENTITY = Identity("irsa", "default/web", "aws", role="arn:aws:iam::111122223333:role/web")


class StubMounter:
    """A `Mounter` without AWS: `hold` waits for the file `release` beside the target."""

    async def mount(
        self, spec: MountSpec, *, deadline: float, arrived: float, trace: Trace
    ) -> Delivery:
        """Deliver, wait, fail or break."""
        obj = spec.klass.objects[0]
        what = obj.ref.name
        trace.identity = IDENTITY
        if what == "hold":
            release = Path(spec.target_path).with_name("release")
            Path(spec.target_path).with_name("held").touch()
            while not release.exists():
                await asyncio.sleep(0.01)
        if what == "bug":
            return self._break(*spec.tokens.values())
        if what == "timeout":
            raise TimeoutError("of something else")
        if what.startswith("fail-"):
            error: errors.ProviderError = getattr(errors, what.removeprefix("fail-"))("so it is")
            raise error
        content = b"content of " + what.encode()
        files = () if what == "unversioned" else (MountedFile(what, 0o640, content, "1"),)
        objects = (DeliveredObject.of(obj, SecretValue(b"", "1"), "eu-west-1"),)
        return Delivery(files, objects, IDENTITY, from_memory=False)

    def _break(self, token: str) -> Delivery:
        raise ValueError(f"cannot read {token}")


async def make_stub(config: Config, *_: Any) -> Mounter:
    """The stub; or a failure as that of an engine whose files are missing."""
    if config.eks_addon_version == "broken":
        raise FileNotFoundError(2, "No such file or directory", "/etc/ca.crt")
    return cast("Mounter", StubMounter())


def main(arguments: list[str]) -> int:
    """Run the daemon."""
    grpc_server.CONNECTION_SECONDS = 0.5  # tests have less time
    return app.serve(parse(arguments, os.environ), make_stub)


if __name__ == "__main__":
    main(sys.argv[1:])
