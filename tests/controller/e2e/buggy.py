"""The controller with a bug in the reconcile of each kind, for objects named `bug` alone.

The composition root gets other collaborators. They raise what no code expects, with a value in the
text of the error.
"""

from collections.abc import Mapping
from typing import Any

from provider.controller import controller
from provider.controller.reconcile.namespaces import ClusterView
from provider.controller.reconcile.store_check import check_store
from provider.controller.resources.cluster_external_secret import ClusterExternalSecretSpec
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.object_meta import Metadata
from provider.controller.resources.objects import Store
from provider.controller.target.plan import Wanted
from provider.controller.target.templates import Templates
from tests.e2e.mains import hasty

BUG = "bug"
VALUE = "canary-5b1e"


class BuggyTemplates(Templates):
    """For ExternalSecrets."""

    async def render(
        self,
        metadata: Metadata,
        spec: ExternalSecretSpec,
        values: Mapping[str, bytes],
        since: float = 0.0,
    ) -> Wanted:
        """What the Secret is to hold."""
        if metadata.name == BUG:
            raise KeyError(VALUE)
        return await super().render(metadata, spec, values, since)


class BuggyView(ClusterView):
    """For ClusterExternalSecrets; one is `bug` by the name of its ExternalSecrets."""

    def selected(self, spec: ClusterExternalSecretSpec) -> list[str]:
        """The selected namespaces."""
        if spec.external_secret_name == BUG:
            raise RuntimeError(VALUE)
        return super().selected(spec)


async def buggy_check(store: Store, *parts: Any, **options: Any) -> bool:
    """For stores."""
    if store.metadata.name == BUG:
        raise ValueError(VALUE)
    return await check_store(store, *parts, **options)


def main(arguments: list[str]) -> int:
    """Run the controller."""
    others = {"Templates": BuggyTemplates, "ClusterView": BuggyView, "check_store": buggy_check}
    vars(controller).update(others)
    return hasty(arguments)
