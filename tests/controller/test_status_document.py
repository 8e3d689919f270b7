"""The status document does not hold the event loop, however many ExternalSecrets there are."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

from provider.controller.config import Config
from provider.controller.monitoring.sync_registry import SyncRegistry
from provider.controller.replica import Replica
from provider.controller.status_document import SLICE, StatusDocument
from provider.controller.watch.informers import Informers
from provider.runtime.options import configure

TOTAL = 2 * SLICE + 1


class Queue:
    """Of a controller; `most` is how often it was asked without a turn for other tasks."""

    depth = running = scheduled = asked = most = 0

    def oldest(self) -> float:
        return 0.0

    def due_in(self, _item: object) -> float:
        self.asked += 1
        self.most = max(self.most, self.asked)
        return 1.0

    async def watch(self) -> None:
        while True:
            self.asked = 0
            await asyncio.sleep(0)


def controller() -> Any:
    informers = Informers(None, configure(Config, {}, {}), None)  # type: ignore[arg-type]  # nothing runs
    for number in range(TOTAL):
        about = {"namespace": "shop", "name": f"es-{number}", "resourceVersion": "1"}
        conditions = [{"type": "Ready", "status": "False" if number == TOTAL - 1 else "True"}]
        informers.external_secrets.put({"metadata": about, "status": {"conditions": conditions}})
    return SimpleNamespace(informers=informers, syncs=SyncRegistry(), queue=Queue())


async def test_other_tasks_get_their_turn_between_the_entries() -> None:
    one = controller()
    watching = asyncio.create_task(one.queue.watch())
    replica = Replica("pod")
    replica.controller = one
    document = json.loads(await StatusDocument(replica)())
    watching.cancel()
    assert document["controller"]["leader"] == "pod"
    assert document["counts"]["externalSecrets"] == TOTAL
    assert document["counts"]["externalSecretsFailing"] == 1
    rows = document["externalSecrets"]
    assert len(rows) == TOTAL
    assert rows[0]["name"] == f"es-{TOTAL - 1}"
    assert 0 < one.queue.most <= SLICE
