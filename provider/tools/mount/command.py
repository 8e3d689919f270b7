"""Writes the files that a pod would get for a class, as the driver writes them.

Asks a running daemon as the driver does, or runs the same engine in this process (`--local`).
"""

import json
import re
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic
from uuid import uuid4

from provider.csi.config import Config
from provider.csi.files.layout import MountedFile
from provider.csi.files.writer import Change, WriteFailed, write
from provider.csi.object_failures import DRIVER_RETRIES
from provider.csi.request.attributes import CLASS_NAME, POD_KEYS, PREFIX, TOKENS, RawRequest
from provider.csi.request.model import Pod
from provider.errors import ProviderError
from provider.manifests.kubernetes import ClassManifest, is_class, read_classes, read_manifests
from provider.manifests.problems import InvalidSpec, quote
from provider.tools.ending import LOG_IN, CommandFailed
from provider.tools.mount.options import Options, add_options, checked
from provider.tools.mount.report import Report
from provider.tools.sources import Unreadable, read_text
from provider.tools.terminal import Paint, printable

__all__ = ["add_options", "run"]

_PERMISSION = "420"
"""The driver's default: 0644, in decimal."""
_WANTED = re.compile(r'no service account token of audience "([^"]+)"')


def run(namespace: Namespace) -> int:
    options = checked(namespace)
    klass = _class(options)
    target = options.output
    request = _request(options, klass, target)
    started = monotonic()
    files = _locally(request, options) if options.local else _ask(request, klass, options)
    seconds = monotonic() - started
    if not files:
        text = "the daemon returned no files: it writes them into volumes itself"
        raise CommandFailed(1, text)
    report = Report(
        class_name=klass.name,
        target=target,
        files=files,
        changes=_write(target, files, dry_run=options.dry_run),
        dry_run=options.dry_run,
        seconds=seconds,
    )
    is_json = options.output_format == "json"
    sys.stdout.write(report.as_json() if is_json else report.as_text(Paint.for_stream(sys.stdout)))
    return 0


def _class(options: Options) -> ClassManifest:
    """The class that the options name, or the only one of the file."""
    file, name = options.filename, options.class_name
    text = read_text(file)
    try:
        chosen = read_classes(text, name)
        if len(chosen) == 1:
            return chosen[0]
        names = [quote(one.name) for one in read_manifests(text) if is_class(one)]
    except InvalidSpec as invalid:
        raise CommandFailed(2, f"{file}:\n{invalid}") from invalid
    if not names:
        why = "holds no SecretProviderClass"
    elif name is None:
        why = f"holds several classes, {', '.join(names)}: choose one with --class"
    else:
        why = f"must hold one class {quote(name)}, holds {', '.join(names)}"
    raise CommandFailed(2, f"{file}:\nmanifest: {why}")


def _request(options: Options, klass: ClassManifest, target: Path) -> RawRequest:
    """What the driver would send. By default the pod's UID is new, so that all is fetched."""
    pod = Pod(
        namespace=options.namespace or klass.namespace or "default",
        name=options.pod,
        uid=options.pod_uid or str(uuid4()),
        service_account=options.service_account,
    )
    attributes = klass.parameters | dict(options.set)
    attributes |= {key: getattr(pod, name) for name, key in POD_KEYS.items()}
    attributes |= {f"{PREFIX}ephemeral": "true", CLASS_NAME: klass.name}
    if tokens := _tokens(options):
        by_audience = {audience: {"token": token} for audience, token in tokens.items()}
        attributes[TOKENS] = json.dumps(by_audience)
    return RawRequest(json.dumps(attributes), "null", _PERMISSION, str(target))


def _tokens(options: Options) -> Mapping[str, str]:
    """Tokens by audience. Errors do not show the name of the file: it may be a token itself."""
    tokens = {}
    for audience, name in options.token:
        try:
            tokens[audience] = read_text(name).strip()
            if not tokens[audience]:
                raise Unreadable("it is empty")
        except Unreadable as unreadable:
            why = str(unreadable).rpartition(": ")[2]
            raise CommandFailed(
                2,
                f"cannot read the token file for {audience}: {why}",
                "write --token AUDIENCE=FILE; all users can see a token on a command line (ps)",
            ) from None
    return tokens


def _ask(request: RawRequest, klass: ClassManifest, options: Options) -> Sequence[MountedFile]:
    from provider.csi.server import client  # noqa: PLC0415 - imports grpc

    socket = options.socket or Config().provider_volume / f"{klass.provider}.sock"
    try:
        return client.ask(socket, request, timeout=options.timeout)
    except client.Unreachable as error:
        raise CommandFailed(
            3,
            str(error),
            "is the provider's pod running on this node? --socket names another path; --local "
            "tries a class without a daemon, with your own AWS credentials",
        ) from error
    except client.Refused as error:
        raise _refused(error.status, str(error), options) from error


def _locally(request: RawRequest, options: Options) -> Sequence[MountedFile]:
    from provider.csi.server.statuses import status_of  # noqa: PLC0415 - imports grpc
    from provider.tools.mount import local  # noqa: PLC0415 - imports botocore

    paint = Paint.for_stream(sys.stderr)
    try:
        found = local.mount(
            request,
            profile=options.profile,
            timeout=options.timeout,
            say=lambda text: print(paint("dim", printable(text, lines=True)), file=sys.stderr),
        )
    except ProviderError as error:
        text = str(error).replace(DRIVER_RETRIES, "")  # nobody retries for this command
        raise _refused(status_of(error).name, text, options) from error
    return found.files


def _refused(status: str, text: str, options: Options) -> CommandFailed:
    code = 2 if status == "INVALID_ARGUMENT" else 1
    return CommandFailed(code, f"mount refused: {status}\n{text}", _hint(status, text, options))


def _hint(status: str, text: str, options: Options) -> str:
    """Advice for this command, where the error's own advice is for pods."""
    if options.local and status == "UNAUTHENTICATED":
        return LOG_IN
    if options.local and status == "PERMISSION_DENIED":
        return "these were your own permissions; the role of a pod may have others"
    wanted = _WANTED.search(text)
    if status == "UNAUTHENTICATED" and (wanted or not options.token):
        audience = wanted[1] if wanted else "AUDIENCE"
        namespace = f" -n {options.namespace}" if options.namespace else ""
        command = f"kubectl create token {options.service_account}{namespace} --audience {audience}"
        return f"{command} > FILE, then --token {audience}=FILE (see --help)"
    return ""


def _write(target: Path, files: Sequence[MountedFile], *, dry_run: bool) -> Sequence[Change]:
    try:
        if not dry_run:
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
        return write(target, files, dry_run=dry_run)
    except WriteFailed as error:
        raise CommandFailed(4, str(error)) from error
    except OSError as error:
        raise CommandFailed(4, f"cannot make the folder {target}: {error.strerror}") from error
