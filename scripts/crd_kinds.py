"""The kinds of `deploy/crds`: names, versions, columns of `kubectl get`, the table of the spec."""

from dataclasses import dataclass

from provider.controller.resources.cluster_external_secret import ClusterExternalSecretSpec
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.generators import (
    ClusterGeneratorSpec,
    EcrAuthorizationTokenSpec,
    PasswordSpec,
    StsSessionTokenSpec,
    UuidSpec,
)
from provider.controller.resources.store import StoreSpec
from provider.controller.resources.table import Version

GROUP = "external-secrets.io"
GENERATORS = f"generators.{GROUP}"


@dataclass(frozen=True, slots=True)
class Printed:
    """A column of `kubectl get`; a priority above 0 is shown by `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0


def _ready(what: str) -> str:
    return f'.status.conditions[?(@.type=="Ready")].{what}'


_MESSAGE = Printed("Message", _ready("message"), priority=1)
_STORE_COLUMNS = (
    Printed("AGE", ".metadata.creationTimestamp", "date"),
    Printed("Status", _ready("reason")),
    Printed("Capabilities", ".status.capabilities"),
    Printed("Ready", _ready("status")),
    _MESSAGE,
)
_EXTERNAL_SECRET_COLUMNS = (
    Printed("StoreType", ".spec.secretStoreRef.kind"),
    Printed("Store", ".spec.secretStoreRef.name"),
    Printed("Refresh Interval", ".spec.refreshInterval"),
    Printed("Status", _ready("reason")),
    Printed("Ready", _ready("status")),
    Printed("Last Sync", ".status.refreshTime", "date"),
    _MESSAGE,
)
_CLUSTER_EXTERNAL_SECRET_COLUMNS = (
    Printed("Store", ".spec.externalSecretSpec.secretStoreRef.name"),
    Printed("Refresh Interval", ".spec.refreshTime"),
    Printed("Ready", _ready("status")),
    _MESSAGE,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of resource."""

    name: str
    plural: str
    table: type
    meaning: str
    group: str = GENERATORS
    versions: tuple[Version, ...] = ("v1alpha1",)
    """The first one is stored."""
    short: str = ""
    is_cluster_wide: bool = False
    columns: tuple[Printed, ...] = ()
    selectable: tuple[str, ...] = ()
    """Fields of the stored version for `kubectl get --field-selector`."""


_BOTH: tuple[Version, ...] = ("v1", "v1beta1")

KINDS = (
    Kind(
        name="ExternalSecret",
        plural="externalsecrets",
        table=ExternalSecretSpec,
        meaning="Keeps a Kubernetes Secret equal to values of AWS.",
        group=GROUP,
        versions=_BOTH,
        short="es",
        columns=_EXTERNAL_SECRET_COLUMNS,
        selectable=(
            ".spec.secretStoreRef.name",
            ".spec.secretStoreRef.kind",
            ".spec.target.name",
            ".spec.refreshInterval",
        ),
    ),
    Kind(
        name="SecretStore",
        plural="secretstores",
        table=StoreSpec,
        meaning="A place in AWS for the ExternalSecrets of one namespace, and how to sign in.",
        group=GROUP,
        versions=_BOTH,
        short="ss",
        columns=_STORE_COLUMNS,
    ),
    Kind(
        name="ClusterSecretStore",
        plural="clustersecretstores",
        table=StoreSpec,
        meaning="A place in AWS for the ExternalSecrets of all namespaces, and how to sign in.",
        group=GROUP,
        versions=_BOTH,
        short="css",
        is_cluster_wide=True,
        columns=_STORE_COLUMNS,
    ),
    Kind(
        name="ClusterExternalSecret",
        plural="clusterexternalsecrets",
        table=ClusterExternalSecretSpec,
        meaning="Keeps one ExternalSecret in each of the namespaces that it selects.",
        group=GROUP,
        versions=_BOTH,
        short="ces",
        is_cluster_wide=True,
        columns=_CLUSTER_EXTERNAL_SECRET_COLUMNS,
    ),
    Kind(
        name="ECRAuthorizationToken",
        plural="ecrauthorizationtokens",
        table=EcrAuthorizationTokenSpec,
        meaning="A user name and password for container registries of ECR, valid for 12 hours.",
    ),
    Kind(
        name="STSSessionToken",
        plural="stssessiontokens",
        table=StsSessionTokenSpec,
        meaning="Temporary credentials of an IAM user, from GetSessionToken.",
    ),
    Kind(
        name="Password",
        plural="passwords",
        table=PasswordSpec,
        meaning="A random password, a new one at each refresh.",
    ),
    Kind(
        name="UUID",
        plural="uuids",
        table=UuidSpec,
        meaning="A random UUID, a new one at each refresh.",
    ),
    Kind(
        name="ClusterGenerator",
        plural="clustergenerators",
        table=ClusterGeneratorSpec,
        meaning="A generator for the ExternalSecrets of all namespaces.",
        is_cluster_wide=True,
    ),
)
