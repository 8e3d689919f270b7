"""Explains ExternalSecrets: identities, calls, keys, refreshes and cost."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.target.plan import target_name
from provider.errors import ProviderError
from provider.tools.ending import CommandFailed, has_mistakes
from provider.tools.explain.calls import (
    CountedCall,
    call_table,
    counted_calls,
    text_of,
    unknown_role,
)
from provider.tools.explain.controller_run import ControllerRun, run
from provider.tools.explain.secret_keys import SecretKey, secret_keys
from provider.tools.resources.lookup import Lookup
from provider.tools.resources.parsed import Resource, instances
from provider.tools.sample_aws import Call
from provider.tools.terminal import Column, Paint, counted, duration_text, printable, table

HOURS = 730
"""Of a month."""
SECRETS_MANAGER_CALL = 0.05 / 10_000
"""USD, by the price list of us-east-1 at the time of this release."""

_CREATION = {
    "Owner": "is created and owned: it is deleted with the ExternalSecret",
    "Orphan": "is created without an owner: it stays when the ExternalSecret is deleted",
    "Merge": "must exist: only these keys are written",
    "CreateOrMerge": "is created if it does not exist; else only these keys are written",
    "None": "is not written: AWS is read, and nothing else happens",
}
_DELETION = {
    "Retain": "a secret that is gone from AWS is an error, and the Secret stays as it is",
    "Delete": "keys whose secrets are gone from AWS are left out; with none, the Secret is deleted",
    "Merge": "keys whose secrets are gone from AWS are removed",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls of one refresh and of a month, and what Secrets Manager asks for them in USD."""

    refreshes: float
    secrets_manager_calls: int
    parameter_store_calls: int

    @property
    def usd(self) -> float:
        """For the calls to Secrets Manager of a month."""
        return self.refreshes * self.secrets_manager_calls * SECRETS_MANAGER_CALL


def cost_of(spec: ExternalSecretSpec, refresh: Sequence[Call]) -> Cost:
    """The cost of a month without changes."""
    refreshes = HOURS * 3600 / spec.refresh_interval if spec.is_periodic else 0.0
    services = [call.service for call in refresh]
    return Cost(refreshes, services.count("secretsmanager"), services.count("ssm"))


def behaviour(spec: ExternalSecretSpec) -> Iterator[str]:
    """When AWS is read, and what becomes of the Secret, in sentences."""
    yield _reads(spec)
    windows = spec.sync_windows
    if windows and windows.windows and spec.refresh_policy == "Periodic":
        when = " or ".join(f"{one.schedule} for {one.duration:g} s" for one in windows.windows)
        word = "only within" if windows.kind == "allow" else "not within"
        yield f"periodic refreshes happen {word} these windows (UTC): {when}"
    if spec.is_periodic:
        yield "a repaired store, credential or template is taken at once, without waiting"
    if spec.target.creation_policy != "None":
        yield _DELETION[spec.target.deletion_policy]
    if spec.target.immutable:
        yield "the Secret is immutable: its data is never updated"


def secret_line(name: str, spec: ExternalSecretSpec) -> str:
    template = spec.target.template
    kind = (template.type if template else "") or "Opaque"
    return f"{name} ({kind}) {_CREATION[spec.target.creation_policy]}"


def _reads(spec: ExternalSecretSpec) -> str:
    if spec.refresh_policy == "CreatedOnce":
        return "AWS is read once"
    if spec.refresh_policy == "OnChange":
        return "AWS is read when the ExternalSecret changes, its labels and annotations included"
    if spec.refresh_interval <= 0:
        return (
            "AWS is read once: refreshInterval is 0, and changes of the ExternalSecret are ignored"
        )
    interval = duration_text(spec.refresh_interval)
    return f"AWS is read every {interval}, and when the ExternalSecret changes"


_KEYS = (Column("KEY"), Column("FROM"))
_STORES = (Column("STORE"), Column("READS AS"))
_REMARKS = (
    "FIRST: the first sync. REFRESH: a later one. Sessions and tokens are kept until they",
    "expire; what another ExternalSecret of the identity has just read is not read again.",
)
_OF_CLUSTER = (
    "the same in each namespace that the ClusterExternalSecret selects: this is one of them"
)
_OF_FIND = "What find finds is read besides: twenty secrets or ten parameters a call."


@dataclass(frozen=True, slots=True)
class ExplainedSecret:
    """What is known about one ExternalSecret."""

    resource: Resource
    spec: ExternalSecretSpec
    namespace: str
    target: str
    """Name of the Secret."""
    run: ControllerRun
    keys: Sequence[SecretKey]
    cost: Cost

    def as_text(self, paint: Paint) -> str:
        stores = [[printable(store), printable(who)] for store, who in self.run.identities.items()]
        unknown = (line for one in self.run.unknown_roles for line in unknown_role(one))
        keys = [[printable(one.name), printable(one.source)] for one in self.keys]
        secret = secret_line(f"{self.namespace}/{self.target}", self.spec)
        of_cluster = [_OF_CLUSTER] if self.resource.kind == "ClusterExternalSecret" else []
        finds = [_OF_FIND] if any(one.find for one in self.spec.data_from) else []
        sections: Mapping[str, Iterable[str]] = {
            "Identity": [*table(_STORES, stores), *unknown],
            "Calls": [*call_table(self._calls, "REFRESH"), *_REMARKS, *finds],
            "Secret": [printable(secret), *of_cluster, *table(_KEYS, keys)],
            "Refresh": map(printable, behaviour(self.spec)),
            "Cost": self._costs(),
        }
        return text_of(self.resource, sections, paint)

    def as_json(self) -> Mapping[str, object]:
        """JSON for programs. Fields may be added, but none will change."""
        return {
            "externalSecret": self.resource.name,
            "namespace": self.namespace,
            "file": self.resource.source.name,
            "identities": dict(self.run.identities),
            "unknownRoles": list(self.run.unknown_roles),
            "calls": [one.entry("first", "refresh") for one in self._calls],
            "secret": self.target,
            "keys": [
                {"name": one.name, "from": one.source, "several": one.several} for one in self.keys
            ],
            "refresh": [*behaviour(self.spec)],
            "cost": {
                "refreshesPerMonth": self.cost.refreshes,
                "secretsManagerCalls": self.cost.secrets_manager_calls,
                "parameterStoreCalls": self.cost.parameter_store_calls,
                "usdPerMonth": self.cost.usd,
            },
        }

    @property
    def _calls(self) -> list[CountedCall]:
        return counted_calls(self.run.first, self.run.refresh)

    def _costs(self) -> Iterator[str]:
        cost = self.cost
        if not cost.refreshes:
            yield "no calls after the first sync"
            return
        counts = {
            "Secrets Manager": cost.secrets_manager_calls,
            "Parameter Store": cost.parameter_store_calls,
        }
        calls = " and ".join(f"{counted(n, 'call')} to {name}" for name, n in counts.items() if n)
        yield f"{cost.refreshes:,.0f} refreshes a month, each with {calls or 'calls that are free'}"
        if cost.parameter_store_calls:
            yield "Parameter Store's calls are free within its standard throughput"
        if cost.secrets_manager_calls:
            usd = "less than USD 0.01" if cost.usd < 0.01 else f"about USD {cost.usd:,.2f}"
            yield f"{usd} a month for Secrets Manager, at USD 0.05 for 10,000 calls"
            yield "not counted: storage (USD 0.40 a secret and month), and KMS keys of your own"


def explain_secrets(
    chosen: Sequence[Resource], files: Lookup, namespace: str
) -> Iterator[ExplainedSecret]:
    """The explanation of each; an empty namespace is that of the manifest.

    Raises `CommandFailed` if one has mistakes, or names a store that the files do not have.
    """
    for one in chosen:
        if one.spec is None:
            raise has_mistakes(one.manifest.path, one.source.name, first=one.problems[0])
        first = next(instances(one))
        place = namespace or first.namespace or "default"
        try:
            ran = run(one.spec, place, files)
        except ProviderError as error:
            hint = (
                f"secrets-provider-aws validate {one.source.name} shows what the files lack: "
                "stores and generators must be there"
            )
            raise CommandFailed(1, f"{one.manifest.path}: {error}", hint) from error
        yield ExplainedSecret(
            resource=one,
            spec=one.spec,
            namespace=place,
            target=target_name(replace(one.parsed.metadata, name=first.name), one.spec),
            run=ran,
            keys=secret_keys(one.spec, ran.generated),
            cost=cost_of(one.spec, ran.refresh),
        )
