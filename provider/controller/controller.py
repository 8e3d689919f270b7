"""What the leader does: keeps copies of all objects and reconciles them as they change."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from provider.aws.credentials.own import Own
from provider.aws.finding import ParameterFinder, SecretFinder
from provider.controller.config import Config
from provider.controller.events import Events
from provider.controller.identity.service_account_tokens import Tokens
from provider.controller.identity.store_identity import Identities
from provider.controller.identity.stores import Stores
from provider.controller.kinds import CLUSTER_EXTERNAL_SECRETS, EXTERNAL_SECRETS, PUSH_SECRETS
from provider.controller.monitoring.ages import OldestExternalSecrets
from provider.controller.monitoring.metrics import ControllerMetrics
from provider.controller.monitoring.sync_observer import SyncObserver
from provider.controller.monitoring.sync_registry import SyncRegistry
from provider.controller.reconcile.backlog import Backlog
from provider.controller.reconcile.cluster_external_secret import ClusterExternalSecrets
from provider.controller.reconcile.external_secret import ExternalSecrets
from provider.controller.reconcile.finalizers import report_namespaces
from provider.controller.reconcile.known import KnownExternalSecrets
from provider.controller.reconcile.leftover_webhooks import report_leftovers
from provider.controller.reconcile.namespaces import ClusterView
from provider.controller.reconcile.push_secret import PushSecrets
from provider.controller.reconcile.reporter import Reporter
from provider.controller.reconcile.secret_store import KINDS, StoreReconciler
from provider.controller.reconcile.store_check import check_store
from provider.controller.reconcile.sync import Syncer
from provider.controller.reconcile.triggers import Triggers, lacks_target
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.objects import ExternalSecret, Store
from provider.controller.resources.references import templates_of
from provider.controller.resources.store_ref import StoreKind
from provider.controller.scheduling.call_pace import CallPace
from provider.controller.scheduling.cpu_work import CpuWork
from provider.controller.scheduling.queue import Queue
from provider.controller.scheduling.schedule import Item
from provider.controller.target.plan import target_name
from provider.controller.target.target_secrets import Secrets
from provider.controller.target.templates import Templates
from provider.controller.values.fetch import Fetcher
from provider.controller.values.find import Finder
from provider.controller.values.generators import Generators
from provider.controller.watch.informers import Informers, wait_for_lists
from provider.controller.watch.named_reads import NamedReads
from provider.controller.watch.named_watches import NamedObject, NamedWatches
from provider.controller.watch.object_cache import ObjectKey
from provider.engine.wiring import Engine
from provider.kube.cluster_api import ClusterApi
from provider.kube.events import Event
from provider.kube.kinds import CONFIG_MAPS, SECRETS, Document, Kind
from provider.policy.rules import Policy
from provider.runtime.log import logger
from provider.runtime.offload import Offload

_TEMPLATE_KINDS = {kind.name: kind for kind in (CONFIG_MAPS, SECRETS)}


class Reconciler(Protocol):
    """Works on the objects of one kind."""

    async def reconcile(self, key: ObjectKey) -> float | None:
        """Seconds until it is due again; None: when something changes. Raises to retry."""
        ...

    async def explain(self, key: ObjectKey, bug: Exception) -> None:
        """Say on the object that reconciling it failed by a bug."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What a controller is made of; it outlives the time as the leader."""

    config: Config
    objects: ClusterApi
    engine: Engine
    cpu_work: CpuWork
    parsing: Offload
    """Only for what watches bring: in other threads it would wait for templates of tenants."""
    own: Own
    policy: Policy
    metrics: ControllerMetrics
    record: Mapping[Kind, Callable[[Event], object]]


class Controller:
    """One time as the leader; `run` is called once."""

    def __init__(self, parts: Parts) -> None:
        config = parts.config
        self._parts = parts
        self.informers = Informers(parts.objects, config, parts.parsing.run)
        self.known = KnownExternalSecrets(
            self.informers,
            controller_class=config.controller_class,
            flood_gate=config.enable_flood_gate,
        )
        self._backlog = Backlog()
        self.syncs = SyncRegistry()
        self.oldest = OldestExternalSecrets(
            self.informers.external_secrets,
            lambda one: self.known.skip_reason(one) == "foreign",
        )
        self.queue = Queue(
            self._reconcile,
            concurrent=config.concurrent,
            observe=parts.metrics.reconciled,
            explain=self._explain,
        )
        self._triggers = Triggers(self.queue.add_after, self.informers, self.known, self._backlog)
        self._watches = NamedWatches(
            parts.objects, self._named_object_changed, is_busy=lambda: self.queue.depth > 0
        )
        self._reads = NamedReads(parts.objects, self._watches.use)
        self._identities = self._store_identities()
        stores: dict[str, StoreReconciler] = {
            kind: self._store_reconciler(kind) for kind in self.informers.stores
        }
        self._reconcilers: dict[str, Reconciler] = {
            EXTERNAL_SECRETS.name: self._external_secrets(),
            CLUSTER_EXTERNAL_SECRETS.name: self._cluster_external_secrets(),
            **stores,
            **{kind: self._push_secrets(kind) for kind in self.informers.push_secrets},
        }
        self._triggers.attach(lambda found: stores[found.object.kind].resume(found.object))

    def policy_changed(self) -> None:
        """The operator's policy has changed."""
        self._triggers.policy_changed()

    @property
    def kinds(self) -> Iterable[str]:
        return self._reconcilers

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for informer in (*self.informers.all(), *self.informers.push_secrets.values()):
                tasks.create_task(informer.run())
            tasks.create_task(self._watches.run())
            tasks.create_task(report_leftovers(self._parts.objects))
            await wait_for_lists(self.informers.missing)
            logger.info("all objects are known")
            report_namespaces(self.informers.held_namespaces())
            tasks.create_task(self.queue.run())
            tasks.create_task(self.oldest.run())

    async def _reconcile(self, item: Item) -> float | None:
        return await self._reconcilers[item.kind].reconcile(ObjectKey(item.namespace, item.name))

    async def _explain(self, item: Item, bug: Exception) -> None:
        await self._reconcilers[item.kind].explain(ObjectKey(item.namespace, item.name), bug)

    def _external_secrets(self) -> ExternalSecrets:
        events, counts = self._events(EXTERNAL_SECRETS), self._parts.metrics.external_secrets
        return ExternalSecrets(
            api=self._parts.objects,
            known=self.known,
            syncer=Syncer(
                fetcher=self._fetcher(),
                templates=self._templates(),
                secrets=self._secrets(),
                events=events,
            ),
            backlog=self._backlog,
            reporter=Reporter(self._parts.objects, self.known.learn, events, counts),
            observer=SyncObserver(
                counts,
                self.syncs,
                self._parts.metrics.calls_saved.inc,
                audit_log=self._parts.config.audit_log,
            ),
            pace=CallPace(self._parts.metrics.syncs_put_off.inc),
            watch_used=self._watch_used,
        )

    def _watch_used(self, found: ExternalSecret, spec: ExternalSecretSpec) -> None:
        """Watch what an ExternalSecret uses, also if an earlier process has synced it."""
        namespace = found.metadata.namespace
        for kind, name in templates_of(spec) if spec.is_periodic else ():
            self._watches.resume(NamedObject(_TEMPLATE_KINDS[kind], namespace, name))
        if lacks_target(found):
            target = target_name(found.metadata, spec)
            self._watches.use(NamedObject(SECRETS, namespace, target), "")

    def _secrets(self) -> Secrets:
        def watch(key: ObjectKey) -> None:
            self._watches.use(NamedObject(SECRETS, *key), "")

        parts = self._parts
        return Secrets(parts.objects, self.informers.secrets, parts.cpu_work, missing=watch)

    def _fetcher(self) -> Fetcher:
        engine, config = self._parts.engine, self._parts.config
        return Fetcher(
            stores=Stores(
                self.informers.store,
                self.informers.namespace_labels,
                controller_class=config.controller_class,
                flood_gate=config.enable_flood_gate,
            ),
            identities=self._identities,
            reader=engine.reader,
            finder=Finder(
                SecretFinder(engine.client, engine.calls),
                ParameterFinder(engine.client, engine.calls),
                engine.reader,
                self._parts.cpu_work,
                self._parts.policy,
            ),
            generators=Generators(
                self.informers.generator,
                identities=self._identities,
                calls=engine.calls,
                client=engine.client,
                cpu_work=self._parts.cpu_work,
                policy=self._parts.policy,
            ),
            cpu_work=self._parts.cpu_work,
            policy=self._parts.policy,
        )

    def _templates(self) -> Templates:
        config = self._parts.config

        def used(kind: Kind, document: Document) -> None:
            about = document["metadata"]
            named = NamedObject(kind, about["namespace"], about["name"])
            self._watches.use(named, about["resourceVersion"])

        return Templates(
            self._parts.objects,
            self._parts.cpu_work,
            delimiters=(config.template_left_delimiter, config.template_right_delimiter),
            used=used,
        )

    def _store_identities(self) -> Identities:
        parts = self._parts
        return Identities(
            reads=self._reads,
            tokens=Tokens(parts.objects),
            sts=parts.engine.sts,
            credentials=parts.engine.credentials,
            own=parts.own.principal,
        )

    def _store_reconciler(self, kind: StoreKind) -> StoreReconciler:
        config = self._parts.config
        credentials, policy = self._parts.engine.credentials, self._parts.policy

        async def check(store: Store, deadline: float) -> None:
            await check_store(
                store, self._identities, credentials, policy=policy, deadline=deadline
            )

        return StoreReconciler(
            kind=kind,
            api=self._parts.objects,
            known=self.informers.stores[kind],
            check=check,
            events=self._events(KINDS[kind]),
            counts=self._parts.metrics.of[kind],
            controller_class=config.controller_class,
            interval=config.store_requeue_interval,
        )

    def _cluster_external_secrets(self) -> ClusterExternalSecrets:
        return ClusterExternalSecrets(
            self._parts.objects,
            ClusterView(self.informers, self.known),
            self._events(CLUSTER_EXTERNAL_SECRETS),
            self._parts.metrics.of[CLUSTER_EXTERNAL_SECRETS.name],
        )

    def _push_secrets(self, kind: str) -> PushSecrets:
        return PushSecrets(
            kind=PUSH_SECRETS[kind],
            api=self._parts.objects,
            known=self.informers.push_secrets[kind],
            get_store=self.informers.store,
            events=self._events(PUSH_SECRETS[kind]),
            controller_class=self._parts.config.controller_class,
        )

    def _events(self, kind: Kind) -> Events:
        return Events(kind, self._parts.record[kind])

    def _named_object_changed(self, named: NamedObject) -> None:
        self._reads.changed(named)
        self._triggers.named_object_changed(named.kind.name, named.namespace, named.name)
