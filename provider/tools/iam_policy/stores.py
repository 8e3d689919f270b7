"""The policies that External Secrets resources need: for the identity of each store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provider.controller.identity.store_identity import session_tags
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.generators import EcrAuthorizationTokenSpec, StsSessionTokenSpec
from provider.controller.resources.objects import Store
from provider.controller.resources.references import credential_namespace, generators_of
from provider.controller.resources.store import Auth, AwsProvider
from provider.controller.resources.store_ref import GeneratorRef, StoreKind
from provider.controller.values.entries import entries_of
from provider.controller.values.generators import PUBLIC_REGION
from provider.engine.model import AssumeRole
from provider.manifests.kubernetes import Manifest
from provider.manifests.problems import quote
from provider.tools.ending import CommandFailed
from provider.tools.iam_policy.needs import Needs
from provider.tools.iam_policy.options import Options, Trust
from provider.tools.iam_policy.permissions import ALL, MissingInformation, Permissions, Place
from provider.tools.iam_policy.policy import Grants
from provider.tools.iam_policy.service_accounts import (
    ServiceAccount,
    account_of,
    aws_accounts,
    role_account,
)
from provider.tools.iam_policy.store_permissions import ECR, ECR_PUBLIC, allow_entry
from provider.tools.resources.kinds import EXTERNAL_SECRETS
from provider.tools.resources.lookup import Lookup, lookup
from provider.tools.resources.parsed import Resource, instances


@dataclass(frozen=True, slots=True)
class _Identity:
    """Who a store is to AWS: a service account, the controller itself, or access keys."""

    store: str
    """Kind, namespace and name of the store or generator."""
    account: ServiceAccount | None
    kind: Trust | None
    """None: there is no trust policy, as for a user."""

    def __str__(self) -> str:
        return str(self.account) if self.account else f"access keys of {self.store}"


class StorePolicies:
    """Collects what the resources of some files need."""

    def __init__(
        self, resources: Sequence[Resource], manifests: Sequence[Manifest], options: Options
    ) -> None:
        self._resources = [one for one in resources if one.kind in EXTERNAL_SECRETS]
        self._files: Lookup = lookup(resources, manifests)
        self._manifests = manifests
        self._options = options

    def granted(self) -> Mapping[str, Grants]:
        """The policies: of all stores together, or by store or service account.

        Raises `MissingInformation`, and `CommandFailed` for a faulty resource.
        """
        needs: dict[str, Needs] = {}
        for one in self._resources:
            for instance in instances(one):
                self._add(one, instance.namespace or self._options.namespace, needs)
        options = self._options
        return {
            name: one.grants(options, options.account or self._trusted_account(one))
            for name, one in sorted(needs.items())
        }

    def _add(self, one: Resource, namespace: str, needs: dict[str, Needs]) -> None:
        spec = _spec(one)
        for entry in entries_of(spec):
            if isinstance(entry.what, GeneratorRef):
                continue
            store = self._store(one, (entry.store.kind, namespace, entry.store.name))
            aws = _aws(store)
            identity = self._identity(_called(store), store.kind, aws.auth, namespace)
            found = self._needs(needs, identity)
            roles = _roles(store, aws, namespace)
            place = Place(aws.region, self._account(identity, roles))
            allow_entry(_holder(found, roles), entry, aws, place)
            found.regions.append(aws.region)
        for ref in generators_of(spec):
            self._add_generator((ref.kind, namespace, ref.name), needs)

    def _add_generator(self, named: tuple[str, str, str], needs: dict[str, Needs]) -> None:
        kind, namespace, name = named
        generator = self._files.generator(*named)
        if generator is None:
            raise MissingInformation(f"the generator {kind} {quote(name)} is not in the files")
        spec = generator.spec
        if not isinstance(spec, EcrAuthorizationTokenSpec | StsSessionTokenSpec):
            return
        called = f"{kind} {namespace}/{name}"
        identity = self._identity(called, "SecretStore", spec.auth, namespace)
        found = self._needs(needs, identity)
        holder = _holder(found, [AssumeRole(spec.role)] if spec.role else [])
        found.regions.append(spec.region)
        if isinstance(spec, EcrAuthorizationTokenSpec):
            is_public = spec.scope == "public"
            region = PUBLIC_REGION if is_public else spec.region
            holder.allow(region, ALL, ECR_PUBLIC if is_public else ECR)

    def _needs(self, needs: dict[str, Needs], identity: _Identity) -> Needs:
        by = self._options.by
        name = identity.store if by == "store" else str(identity) if by else "external-secrets"
        found = needs.setdefault(name, Needs(Permissions()))
        wants_trust = self._options.trust or by == "service-account"
        if wants_trust and identity.account and identity.kind:
            found.trusted[identity.account] = identity.kind
        return found

    def _store(self, one: Resource, named: tuple[StoreKind, str, str]) -> Store:
        kind, _, name = named
        store = self._files.store(*named)
        if store is None:
            missing = f"the {kind} {quote(name)}, which is not in the files: add it"
            raise MissingInformation(f"{one.manifest.path} names {missing}")
        return store

    def _identity(self, called: str, kind: StoreKind, auth: Auth, namespace: str) -> _Identity:
        if account := auth.service_account:
            where = credential_namespace(kind, account.namespace, namespace)
            return _Identity(called, ServiceAccount(where, account.name), "irsa")
        if auth.secret_ref is not None:
            return _Identity(called, None, None)
        own = self._options.controller
        is_irsa = bool(self._options.oidc_provider) and self._options.trust != "pod-identity"
        return _Identity(called, own, "irsa" if is_irsa else "pod-identity")

    def _account(self, identity: _Identity, roles: Sequence[AssumeRole]) -> str:
        """The AWS account whose secrets are read."""
        if roles:
            return account_of(roles[-1].arn)
        if self._options.account or identity.account is None:
            return self._options.account or self._only_account()
        own = role_account(self._manifests, identity.account, self._options.namespace)
        return own or self._only_account()

    def _only_account(self) -> str:
        accounts = aws_accounts(self._manifests)
        return accounts.pop() if len(accounts) == 1 else ""

    def _trusted_account(self, needs: Needs) -> str:
        """The AWS account of the first service account that uses IRSA."""
        roles = (
            role_account(self._manifests, one, self._options.namespace)
            for one in needs.accounts("irsa")[:1]
        )
        return next(roles, "") or self._only_account()


def _holder(needs: Needs, roles: Sequence[AssumeRole]) -> Permissions:
    """The permissions of the last role; each one may assume the next."""
    holder = needs.own
    for role in roles:
        holder.allow_role(role.arn, is_tagged=bool(role.session_tags))
        holder = needs.of_role(role.arn)
    return holder


def _spec(one: Resource) -> ExternalSecretSpec:
    if one.spec is None:
        hint = f"secrets-provider-aws validate {one.source.name} shows where"
        problems = "\n".join(map(str, one.problems))
        raise CommandFailed(2, f"{one.source.name}: {one.manifest.path}:\n{problems}", hint)
    return one.spec


def _aws(store: Store) -> AwsProvider:
    if store.aws is None:
        raise CommandFailed(2, f"{_called(store)}:\n" + "\n".join(map(str, store.problems)))
    return store.aws


def _called(store: Store) -> str:
    place = f"{store.metadata.namespace}/" if store.metadata.namespace else ""
    return f"{store.kind} {place}{store.metadata.name}"


def _roles(store: Store, aws: AwsProvider, namespace: str) -> list[AssumeRole]:
    roles = [AssumeRole(arn) for arn in aws.additional_roles]
    if aws.role:
        roles.append(AssumeRole(aws.role, session_tags=session_tags(store, aws, namespace)))
    return roles
