"""The status as JSON."""

import json
from dataclasses import replace
from pathlib import Path

from provider.csi.mount_registry import MAX_OBJECTS, MountRegistry
from provider.csi.server.admission import Admission
from provider.csi.status.document import StatusDocument
from tests.csi.test_mount_registry import delivery, spec
from tests.loop_watchdog import loop_watchdog


async def test_many_mounts_do_not_hold_the_event_loop() -> None:
    registry, mount = MountRegistry(Path("/nowhere")), spec(objects=MAX_OBJECTS)
    files = delivery(mount)
    for number in range(200):
        registry.succeeded(replace(mount, target_path=f"/{number}"), files, None)
    async with loop_watchdog(0.02):
        document = await StatusDocument(registry, Admission(20, 1), "node")()
    assert len(json.loads(document)["mounts"]) == 200
