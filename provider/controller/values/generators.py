"""Generators, for `dataFrom[].sourceRef.generatorRef`: each refresh makes new values."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from time import monotonic
from typing import TypeVar

from provider.aws.client import AwsClient
from provider.aws.ecr import authorization_token, public_authorization_token
from provider.aws.session_token import Mfa, session_token
from provider.controller.identity.store_identity import Identities
from provider.controller.identity.stores import shown_problems
from provider.controller.resources.generators import (
    EcrAuthorizationTokenSpec,
    GeneratorSpec,
    PasswordSpec,
    StsRequestParameters,
    StsSessionTokenSpec,
)
from provider.controller.resources.objects import Generator
from provider.controller.resources.store_ref import GeneratorRef
from provider.controller.scheduling.cpu_work import CpuWork
from provider.controller.values.passwords import new_passwords, new_uuid
from provider.controller.values.policy_check import check_identity
from provider.controller.values.secret_reads import FetchRequest
from provider.controller.values.sync_record import Session
from provider.engine.calls import Calls
from provider.engine.model import Access
from provider.engine.ports import Principal
from provider.errors import InvalidRequest, ObjectNotFound, OutOfTime, ProviderError
from provider.manifests.problems import quote
from provider.policy.rules import ALLOW_ALL, Policy

T = TypeVar("T")

GetGenerator = Callable[[str, str, str], Generator | None]
"""A generator by kind, namespace (empty for a ClusterGenerator) and name, from the cache."""
Values = Mapping[str, bytes]
Made = tuple[Session | None, Values]
"""The session in which AWS was asked (None: it was not), and the values."""

UNUSED = "; with --namespace or --enable-cluster-generators=false none is used"
PUBLIC_REGION = "us-east-1"
"""Where ECR Public is."""


class Generators:
    """One for the process."""

    def __init__(  # noqa: PLR0913 (all by name)
        self,
        get_generator: GetGenerator,
        *,
        identities: Identities,
        calls: Calls,
        client: AwsClient,
        cpu_work: CpuWork,
        policy: Policy = ALLOW_ALL,
    ) -> None:
        self._get_generator = get_generator
        self._identities = identities
        self._calls = calls
        self._client = client
        self._cpu_work = cpu_work
        self._policy = policy

    async def generate(self, ref: GeneratorRef, asked: FetchRequest) -> Values:
        """New values; raises ProviderError with the texts of External Secrets Operator."""
        kind, spec = self._found(ref, asked.namespace)
        try:
            session, values = await self._generated(spec, asked)
        except ProviderError as error:
            raise error.in_context("error using generator") from error
        asked.record.generated(ref, kind, session)
        return values

    def _found(self, ref: GeneratorRef, namespace: str) -> tuple[str, GeneratorSpec]:
        """The kind that generates, and its spec."""
        place = "" if ref.kind == "ClusterGenerator" else namespace
        found = self._get_generator(ref.kind, place, ref.name)
        if found is None:
            named = f"{ref.kind}.generators.external-secrets.io {quote(ref.name)}"
            hint = "" if place else UNUSED
            raise ObjectNotFound(f"unable to get generator: {named} not found{hint}")
        if found.spec is None:
            problems = shown_problems(found.problems)
            raise InvalidRequest(f"{ref.kind} {quote(ref.name)} is invalid: {problems}")
        return found.kind, found.spec

    async def _generated(self, spec: GeneratorSpec, asked: FetchRequest) -> Made:
        if isinstance(spec, PasswordSpec):
            return None, await self._cpu_work.run(
                asked.namespace, lambda _expired: new_passwords(spec)
            )
        if isinstance(spec, EcrAuthorizationTokenSpec):
            return await self._ecr_token(spec, asked)
        if isinstance(spec, StsSessionTokenSpec):
            return await self._session_token(spec, asked)
        return None, new_uuid()

    async def _ecr_token(self, spec: EcrAuthorizationTokenSpec, asked: FetchRequest) -> Made:
        is_public = spec.scope == "public"
        ask = public_authorization_token if is_public else authorization_token
        context = f"unable to get {'public ' if is_public else ''}authorization token"
        principal = await self._principal(spec, asked)
        region = PUBLIC_REGION if is_public else spec.region
        token = await self._call(context, principal, region, asked, partial(ask, self._client))
        found = {
            "username": token.username.encode(),
            "password": token.password.encode(),
            "expires_at": str(token.expires_at).encode(),
        }
        if token.proxy_endpoint is not None:
            found["proxy_endpoint"] = token.proxy_endpoint.encode()
        return Session(principal.identity, region), found

    async def _session_token(self, spec: StsSessionTokenSpec, asked: FetchRequest) -> Made:
        if spec.auth.jwt is not None and spec.auth.secret_ref is None:
            raise InvalidRequest(
                "unable to get authorization token: AWS gives session tokens to access keys of "
                "users only, not to roles: use auth.secretRef instead of auth.jwt"
            )
        wanted = spec.request_parameters or StsRequestParameters()
        mfa = Mfa(wanted.serial_number, wanted.token_code) if wanted.serial_number else None

        async def ask(access: Access) -> Values:
            duration = wanted.session_duration
            token = await session_token(self._client, access, duration=duration, mfa=mfa)
            keys = token.credentials
            return {
                "access_key_id": keys.access_key_id.encode(),
                "secret_access_key": keys.secret_access_key.encode(),
                "session_token": (keys.session_token or "").encode(),
                "expiration": str(token.expires_at).encode(),
            }

        principal = await self._principal(spec, asked)
        context = "unable to get authorization token"
        values = await self._call(context, principal, spec.region, asked, ask)
        return Session(principal.identity, spec.region), values

    async def _principal(
        self, spec: EcrAuthorizationTokenSpec | StsSessionTokenSpec, asked: FetchRequest
    ) -> Principal:
        try:
            return await self._identities.of_generator(
                spec.auth, spec.role, spec.region, asked.namespace, asked.freshness.since
            )
        except ProviderError as error:
            raise error.in_context("unable to create aws session") from error

    async def _call(
        self,
        context: str,
        principal: Principal,
        region: str,
        asked: FetchRequest,
        ask: Callable[[Access], Awaitable[T]],
    ) -> T:
        try:
            check_identity(self._policy, asked.namespace, principal.identity, region)
            async with asyncio.timeout(asked.deadline - monotonic()):
                return await self._calls.make(principal, region, ask, asked.record.generator_called)
        except TimeoutError:
            raise OutOfTime(f"{context}: AWS in {region} did not answer in time") from None
        except ProviderError as error:
            raise error.in_context(context) from error
