"""Makes the `Principal` of an ExternalSecret from a store or generator, and a namespace.

Only credentials of the store are used. A namespaced store or generator uses Secrets and
ServiceAccounts of its own namespace, even if it names another. A ClusterSecretStore may name
another namespace; if it names none, it uses that of the ExternalSecret.

The identity has everything on which the session depends, so stores with equal sessions share one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from provider.aws.principals import (
    ServiceAccount,
    in_roles,
    role_chain,
    session_key,
    static_keys,
)
from provider.aws.sts import Sts
from provider.controller.identity.access_keys import AccessKeys
from provider.controller.identity.service_account_tokens import (
    Account,
    AccountToken,
    Tokens,
    WithToken,
)
from provider.controller.resources.objects import Store
from provider.controller.resources.references import credential_namespace
from provider.controller.resources.store import (
    Auth,
    AwsProvider,
    RetrySettings,
    ServiceAccountRef,
    StoreSpec,
)
from provider.controller.resources.store_ref import StoreKind
from provider.controller.watch.named_reads import NamedReads
from provider.controller.watch.named_watches import NamedObject
from provider.engine.credentials import CredentialCache
from provider.engine.model import AssumeRole, Retries
from provider.engine.ports import Principal
from provider.errors import InvalidRequest, ObjectNotFound, ProviderError, RoleMissing
from provider.kube.kinds import ROLE_ANNOTATION, SERVICE_ACCOUNTS, Document
from provider.manifests.problems import quote

AUDIENCE = "eks.amazonaws.com/audience"
DEFAULT_AUDIENCE = "sts.amazonaws.com"
ATTEMPTS = 3
"""Attempts at a call to AWS, if `retrySettings` has no number."""
LONGEST = 16 * 1024
"""Characters of an identity. STS takes less, but an annotation may have 256 KiB and a store more,
Kubernetes issues tokens of any length, and caches keep a thousand identities and tokens."""

OwnIdentity = Callable[[str], Principal]
"""The controller's own identity in a region: `Own.principal`."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where credentials are looked up: for whom, and how new they must be."""

    kind: StoreKind
    namespace: str
    region: str
    since: float

    def namespace_of(self, named: str) -> str:
        """The namespace of a Secret or ServiceAccount whose reference names `named`."""
        return credential_namespace(self.kind, named, self.namespace)


@dataclass(frozen=True, slots=True)
class _ServiceAccount:
    uid: str
    role: str
    audience: str


class Identities:
    """Makes principals; one for the process."""

    def __init__(
        self,
        *,
        reads: NamedReads,
        tokens: Tokens,
        sts: Sts,
        credentials: CredentialCache,
        own: OwnIdentity,
    ) -> None:
        self._reads = reads
        self._keys = AccessKeys(reads)
        self._tokens = tokens
        self._sts = sts
        self._credentials = credentials
        self._own = own

    async def of_store(self, store: Store, namespace: str, since: float) -> Principal:
        """The identity of a store for an ExternalSecret of `namespace`.

        Secrets and ServiceAccounts are read at `since` (`time.monotonic`) or later, or are known
        not to have changed. Raises ProviderError, whose text begins with `unable to create session:
        `.
        """
        spec, aws = _aws_of(store)
        place = _Place(store.kind, namespace, aws.region, since)
        try:
            own = await self._of_auth(aws.auth, place)
            principal = self._in_roles(own, _roles(store, aws, namespace), aws.region)
        except ProviderError as error:
            raise error.in_context("unable to create session") from error
        return replace(principal, retries=retries_of(spec.retry_settings), asks_for=namespace)

    async def of_generator(
        self, auth: Auth, role: str, region: str, namespace: str, since: float
    ) -> Principal:
        """The identity of a generator or ClusterGenerator; raises as `of_store` does.

        Its access keys win over a ServiceAccount, the other way round than with a store.
        """
        if auth.secret_ref is not None:
            auth = replace(auth, jwt=None)
        own = await self._of_auth(auth, _Place("SecretStore", namespace, region, since))
        roles = role_chain((), AssumeRole(role) if role else None)
        return replace(self._in_roles(own, roles, region), asks_for=namespace)

    async def _of_auth(self, auth: Auth, place: _Place) -> Principal:
        if auth.jwt is not None and auth.jwt.service_account_ref is not None:
            return await self._of_service_account(auth.jwt.service_account_ref, place)
        if auth.secret_ref is not None:
            found = await self._keys.read(auth.secret_ref, place.namespace_of, place.since)
            session = session_key(found.session, place.region)
            return static_keys(found.subject, session, found.credentials, place.region)
        return self._own(place.region)

    async def _of_service_account(self, ref: ServiceAccountRef, place: _Place) -> Principal:
        namespace = place.namespace_of(ref.namespace)
        named = NamedObject(SERVICE_ACCOUNTS, namespace, ref.name)
        try:
            found = await self._reads.read(named, "role", _service_account, since=place.since)
        except ObjectNotFound as error:
            what = f"ServiceAccount {quote(ref.name)} not found in namespace {quote(namespace)}"
            raise ObjectNotFound(what) from error
        if not found.role:
            raise _no_role(namespace, ref.name)
        audiences = tuple(dict.fromkeys((found.audience or DEFAULT_AUDIENCE, *ref.audiences)))
        account = Account(namespace, ref.name, found.uid, audiences)
        principal = ServiceAccount(
            f"{namespace}/{ref.name}",
            session_key(found.uid, place.region, *audiences),
            found.role,
            AccountToken(self._tokens, account),
            self._sts,
            place.region,
        ).principal
        return replace(principal, source=WithToken(principal.source, self._tokens, account))

    def _in_roles(self, own: Principal, roles: Sequence[AssumeRole], region: str) -> Principal:
        """The principal in the last role; raises `InvalidRequest` if it takes much memory."""
        principal = in_roles(
            own, roles, sts=self._sts, credentials=self._credentials, region=region
        )
        size = len(repr(principal.identity))
        if size > LONGEST:
            raise InvalidRequest(
                "roles, external id, session tags and audiences of the store and its "
                f"ServiceAccount have {size} characters together, over {LONGEST}: shorten them"
            )
        return principal


def retries_of(settings: RetrySettings | None) -> Retries | None:
    """The retries of AWS calls that a store asks for; None: the usual ones."""
    if settings is None:
        return None
    attempts = ATTEMPTS if settings.max_retries is None else max(settings.max_retries, 0)
    return Retries(attempts, settings.retry_interval)


def _aws_of(store: Store) -> tuple[StoreSpec, AwsProvider]:
    if store.spec is None or store.spec.provider.aws is None:
        raise InvalidRequest(f"{store.kind} {quote(store.metadata.name)} has no provider aws")
    return store.spec, store.spec.provider.aws


def _roles(store: Store, aws: AwsProvider, namespace: str) -> tuple[AssumeRole, ...]:
    """The roles to assume, one after the other; parameters of the session are for the last one."""
    if not aws.role:
        return role_chain(aws.additional_roles, None)
    role = AssumeRole(
        aws.role,
        external_id=aws.external_id or None,
        session_tags=session_tags(store, aws, namespace),
        transitive_tag_keys=aws.transitive_tag_keys,
    )
    return role_chain(aws.additional_roles, role)


def session_tags(store: Store, aws: AwsProvider, namespace: str) -> tuple[tuple[str, str], ...]:
    """The tags of the session of `role`, by the store's `sessionTagsPolicy`."""
    if aws.session_tags_policy == "None":
        return tuple((one.key, one.value) for one in aws.session_tags)
    tags = {}
    if aws.session_tags_policy == "Custom":
        tags = {key: value for key, value in sorted(aws.custom_session_tags.items()) if value}
    # Last, so that nothing in the store can take their place.
    tags |= {
        "esoNamespace": namespace,
        "esoStoreName": store.metadata.name,
        "esoStoreKind": store.kind,
    }
    return tuple(tags.items())


def _service_account(document: Document) -> _ServiceAccount:
    metadata = document.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    # It is kept before its length is checked; one character more is enough to fail there.
    role, audience = (
        str(annotations.get(one, ""))[: LONGEST + 1] for one in (ROLE_ANNOTATION, AUDIENCE)
    )
    return _ServiceAccount(str(metadata.get("uid", "")), role, audience)


def _no_role(namespace: str, name: str) -> RoleMissing:
    return RoleMissing(
        f"an IAM role must be associated with service account {name} (namespace: {namespace}): "
        f"annotate it with {ROLE_ANNOTATION}. Associations of EKS Pod Identity work for pods, not "
        "for stores; the controller's own one is used by stores without auth"
    )
