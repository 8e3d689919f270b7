"""When the controller reads AWS for an ExternalSecret, and what its calls cost in a month."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.tools.sample_aws import Call
from provider.tools.terminal import duration_text

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
    is_periodic = spec.refresh_policy == "Periodic" and spec.refresh_interval > 0
    refreshes = HOURS * 3600 / spec.refresh_interval if is_periodic else 0.0
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
    if spec.refresh_policy == "Periodic" and spec.refresh_interval > 0:
        yield "a repaired store, credential or template is taken at once, without waiting"
    if spec.target.creation_policy != "None":
        yield _DELETION[spec.target.deletion_policy]
    if spec.target.immutable:
        yield "the Secret is immutable: its data is never updated"


def secret_line(name: str, spec: ExternalSecretSpec) -> str:
    """What becomes of the Secret."""
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
