"""Chooses the ExternalSecret and the source of its values, and reports the outcome."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace

from provider.controller.identity.stores import shown_problems
from provider.controller.reconcile.sync import SyncFailed
from provider.controller.resources.objects import Store, read_store
from provider.controller.resources.references import stores_of
from provider.controller.status import FAILED, TEXT_NO_DATA, with_cause
from provider.controller.target.plan import target_name
from provider.controller.template import compile_template
from provider.errors import NotAuthenticated, ProviderError
from provider.manifests.problems import quote
from provider.tools.arguments import Delimiters
from provider.tools.ending import LOG_IN, CommandFailed
from provider.tools.render.command import Options
from provider.tools.render.output import as_text
from provider.tools.render.rendering import (
    SAMPLE_REGION,
    Rendered,
    RenderRequest,
    default_region,
    render_local,
    render_samples,
)
from provider.tools.render.samples import MOST_NAMES, Samples, read_samples, sample_hint
from provider.tools.resources.kinds import EXTERNAL_SECRETS
from provider.tools.resources.lookup import Lookup, lookup
from provider.tools.resources.parsed import Resource, instances, read_resources
from provider.tools.sources import read_sources, read_text
from provider.tools.terminal import listed, printable


def rendered_text(options: Options) -> str:
    """The Secret or the template's output; empty where no Secret is written.

    Raises `CommandFailed`.
    """
    samples = read_samples(options.data, options.set)
    if options.template:
        return _template(options.template, samples, options.delimiters)
    sources = read_sources(options.files)
    resources, manifests = read_resources(sources)
    chosen = _chosen(resources, options)
    request = _request(chosen, options)
    files = lookup(resources, manifests)
    try:
        files = replace(files, fallback=_fallback(options, request, files))
        if options.local:
            rendered = asyncio.run(render_local(options, request, files, _say))
        else:
            known = samples.with_prefixes(_prefixes(files))
            rendered = asyncio.run(render_samples(known, request, files))
    except SyncFailed as failure:
        cause, text = failure.cause, f"{failure.ready.reason}: {failure.ready.message}"
        hint = _log_in(cause) if options.local else sample_hint(cause, request.spec, samples)
        raise CommandFailed(1, text, hint) from failure
    except ProviderError as error:
        raise CommandFailed(1, str(error), _log_in(error)) from error
    _report_outcome(rendered, request)
    if rendered.document is None:
        return ""
    return as_text(rendered.document, request.spec, options.output, reveal=options.reveal)


def _log_in(error: ProviderError) -> str:
    return LOG_IN if isinstance(error, NotAuthenticated) else ""


def _template(file: str, samples: Samples, delimiters: Delimiters) -> str:
    text = read_text(file)
    values = {
        name: value.encode(errors="surrogateescape") for name, value in samples.values.items()
    }
    try:
        output = compile_template("template", text, delimiters=delimiters).render(values)
    except ProviderError as error:
        raise CommandFailed(1, str(error)) from error
    return output.decode(errors="replace")


def _chosen(resources: Sequence[Resource], options: Options) -> Resource:
    every = [one for one in resources if one.kind in EXTERNAL_SECRETS]
    names = listed([one.name for one in every], MOST_NAMES)
    found = [one for one in every if options.name in (None, one.name)]
    if not found:
        called = f" {quote(options.name)}" if options.name else ""
        checked = f"secrets-provider-aws validate {' '.join(options.files)} checks the files"
        hint = f"there is {names}" if names else checked
        raise CommandFailed(2, f"there is no ExternalSecret{called} in the files", hint)
    if len(found) > 1:
        text = f"the files have several ExternalSecrets: {names}"
        raise CommandFailed(2, text, f"add --name {found[0].name}")
    return found[0]


def _request(resource: Resource, options: Options) -> RenderRequest:
    """The ExternalSecret to render; raises `CommandFailed` with the condition of a faulty one."""
    spec = resource.spec
    if spec is None:
        what = with_cause(TEXT_NO_DATA, shown_problems(resource.problems))
        hint = f"secrets-provider-aws validate {resource.source.name}"
        raise CommandFailed(1, f"{FAILED}: {what}", hint)
    first = next(instances(resource))
    metadata = replace(
        resource.parsed.metadata,
        name=first.name,
        namespace=first.namespace or options.namespace,
        labels=first.labels,
        annotations=first.annotations,
    )
    return RenderRequest(metadata, spec, options.delimiters)


def _fallback(options: Options, request: RenderRequest, files: Lookup) -> Store | None:
    """A store in place of those that the files do not have; None if they have all."""
    namespace = request.metadata.namespace
    missing = [
        ref for ref in stores_of(request.spec) if not files.resource(ref.kind, namespace, ref.name)
    ]
    if not missing:
        return None
    region = options.region or SAMPLE_REGION
    if options.local:
        region = asyncio.run(default_region(options))
    names = ", ".join(f"{ref.kind} {quote(ref.name)}" for ref in missing)
    _say(f"not in the files: {names}; {options.service} in {region} is assumed")
    aws = {"service": options.service, "region": region}
    document = {"metadata": {"name": "store"}, "spec": {"provider": {"aws": aws}}}
    return read_store(document, "ClusterSecretStore")


def _prefixes(files: Lookup) -> set[str]:
    """The prefixes of all stores in the files."""
    found = (one.parsed for there in files.kinds.values() for one in there)
    return {one.aws.prefix for one in found if isinstance(one, Store) and one.aws} - {""}


def _report_outcome(rendered: Rendered, request: RenderRequest) -> None:
    """What the events and the condition would say, where it is not the usual."""
    for text in rendered.events:
        if "MissingProviderSecret" in text:
            _say(text)
    if rendered.document is None and rendered.outcome is not None:
        ready = rendered.outcome.ready
        _say(f"no Secret is written. {ready.reason}: {ready.message}")
    elif request.spec.target.creation_policy == "Merge":
        name = target_name(request.metadata, request.spec)
        _say(f"these keys are merged into the Secret {quote(name)}, which must exist")


def _say(text: str) -> None:
    sys.stderr.write(f"secrets-provider-aws render: {printable(text, lines=True)}\n")
