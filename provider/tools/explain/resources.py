"""Explains ExternalSecrets: runs the controller over the files."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from provider.controller.plan import target_name
from provider.errors import ProviderError
from provider.tools.ending import CommandFailed, has_mistakes
from provider.tools.explain.controller_run import run
from provider.tools.explain.refreshes import cost_of
from provider.tools.explain.resource_report import ExplainedSecret
from provider.tools.explain.secret_keys import secret_keys
from provider.tools.resources.instances import instances
from provider.tools.resources.lookup import Lookup
from provider.tools.resources.parsed import Resource


def explain_secrets(
    chosen: Sequence[Resource], files: Lookup, namespace: str
) -> Iterator[ExplainedSecret]:
    """The explanation of each; an empty namespace is that of the manifest.

    Raises `CommandFailed` if one has mistakes, or names a store that the files do not have.
    """
    for one in chosen:
        if one.spec is None:
            raise has_mistakes(one.manifest.path, one.source.name)
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
            keys=secret_keys(one.spec, files, place),
            cost=cost_of(one.spec, ran.refresh),
        )
