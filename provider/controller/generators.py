"""Generators, for `dataFrom[].sourceRef.generatorRef`: values that each refresh makes anew."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TypeVar

from provider.aws.ecr import Ecr
from provider.aws.sts import Mfa, Sts
from provider.controller.passwords import new_passwords, new_uuid
from provider.controller.policy_check import check_identity
from provider.controller.resources.generators import (
    EcrAuthorizationTokenSpec,
    GeneratorSpec,
    PasswordSpec,
    StsRequestParameters,
    StsSessionTokenSpec,
)
from provider.controller.resources.objects import Generator
from provider.controller.resources.store_ref import GeneratorRef
from provider.controller.store_identity import Identities
from provider.controller.stores import shown_problems
from provider.engine.calls import Calls
from provider.engine.model import Access
from provider.engine.ports import Principal
from provider.errors import InvalidRequest, ObjectNotFound, OutOfTime, ProviderError
from provider.manifests.problems import quote
from provider.policy.rules import ALLOW_ALL, Policy
from provider.runtime.offload import Offload

T = TypeVar("T")

GetGenerator = Callable[[str, str, str], Generator | None]
"""A generator by kind, namespace (empty for a ClusterGenerator) and name, from the cache."""
Values = Mapping[str, bytes]

PUBLIC_REGION = "us-east-1"
"""Where ECR Public is."""


@dataclass(frozen=True, slots=True)
class For:
    """For whom values are generated, and until when (`time.monotonic`)."""

    namespace: str
    since: float
    """Credentials are read from Kubernetes then, or later."""
    deadline: float


class Generators:
    """One for the process."""

    def __init__(  # noqa: PLR0913 (all by name)
        self,
        get_generator: GetGenerator,
        *,
        identities: Identities,
        calls: Calls,
        ecr: Ecr,
        sts: Sts,
        offload: Offload,
        policy: Policy = ALLOW_ALL,
    ) -> None:
        self._get_generator = get_generator
        self._identities = identities
        self._calls = calls
        self._ecr = ecr
        self._sts = sts
        self._offload = offload
        self._policy = policy

    async def generate(self, ref: GeneratorRef, asker: For) -> Values:
        """New values; raises ProviderError with the texts of External Secrets Operator."""
        spec = self._spec(ref, asker.namespace)
        try:
            return await self._generated(spec, asker)
        except ProviderError as error:
            raise error.in_context("error using generator") from error

    def _spec(self, ref: GeneratorRef, namespace: str) -> GeneratorSpec:
        place = "" if ref.kind == "ClusterGenerator" else namespace
        found = self._get_generator(ref.kind, place, ref.name)
        if found is None:
            named = f"{ref.kind}.generators.external-secrets.io {quote(ref.name)}"
            raise ObjectNotFound(f"unable to get generator: {named} not found")
        if found.spec is None:
            problems = shown_problems(found.problems)
            raise InvalidRequest(f"{ref.kind} {quote(ref.name)} is invalid: {problems}")
        return found.spec

    async def _generated(self, spec: GeneratorSpec, asker: For) -> Values:
        if isinstance(spec, PasswordSpec):
            return await self._offload.run(asker.namespace, partial(new_passwords, spec))
        if isinstance(spec, EcrAuthorizationTokenSpec):
            return await self._ecr_token(spec, asker)
        if isinstance(spec, StsSessionTokenSpec):
            return await self._session_token(spec, asker)
        return new_uuid()

    async def _ecr_token(self, spec: EcrAuthorizationTokenSpec, asker: For) -> Values:
        is_public = spec.scope == "public"
        ask = self._ecr.public_authorization_token if is_public else self._ecr.authorization_token
        context = f"unable to get {'public ' if is_public else ''}authorization token"
        principal = await self._principal(spec, asker)
        region = PUBLIC_REGION if is_public else spec.region
        token = await self._call(context, principal, region, asker, ask)
        found = {
            "username": token.username.encode(),
            "password": token.password.encode(),
            "expires_at": str(token.expires_at).encode(),
        }
        if token.proxy_endpoint is not None:
            found["proxy_endpoint"] = token.proxy_endpoint.encode()
        return found

    async def _session_token(self, spec: StsSessionTokenSpec, asker: For) -> Values:
        if spec.auth.jwt is not None and spec.auth.secret_ref is None:
            raise InvalidRequest(
                "unable to get authorization token: AWS gives session tokens to access keys of "
                "users only, not to roles: use auth.secretRef instead of auth.jwt"
            )
        asked = spec.request_parameters or StsRequestParameters()
        mfa = Mfa(asked.serial_number, asked.token_code) if asked.serial_number else None

        async def ask(access: Access) -> Values:
            token = await self._sts.session_token(access, duration=asked.session_duration, mfa=mfa)
            keys = token.credentials
            return {
                "access_key_id": keys.access_key_id.encode(),
                "secret_access_key": keys.secret_access_key.encode(),
                "session_token": (keys.session_token or "").encode(),
                "expiration": str(token.expires_at).encode(),
            }

        principal = await self._principal(spec, asker)
        context = "unable to get authorization token"
        return await self._call(context, principal, spec.region, asker, ask)

    async def _principal(
        self, spec: EcrAuthorizationTokenSpec | StsSessionTokenSpec, asker: For
    ) -> Principal:
        try:
            return await self._identities.of_generator(
                spec.auth, spec.role, spec.region, asker.namespace, asker.since
            )
        except ProviderError as error:
            raise error.in_context("unable to create aws session") from error

    async def _call(
        self,
        context: str,
        principal: Principal,
        region: str,
        asker: For,
        ask: Callable[[Access], Awaitable[T]],
    ) -> T:
        try:
            check_identity(self._policy, asker.namespace, principal.identity, region)
            async with asyncio.timeout(asker.deadline - monotonic()):
                return await self._calls.make(principal, region, ask, lambda: None)
        except TimeoutError:
            raise OutOfTime(f"{context}: AWS in {region} did not answer in time") from None
        except ProviderError as error:
            raise error.in_context(context) from error
