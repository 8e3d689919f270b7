"""What users should know about a class that becomes a Secret, beside what is lost."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from provider.csi.request.model import ClassSpec
from provider.tools.validate.classes import DRIVER_MODE

_READABLE = (
    "The values were files of one pod. Now they are a Secret, which everybody with rights on "
    "Secrets of the namespace can read."
)
_INTERVAL = "The driver updated the values every rotationPollInterval; the controller every hour."
_MODES = (
    "filePermission is left out: set defaultMode, or the mode of each item, of the volume that "
    "mounts the Secret."
)
_DURATION = (
    "assumeRoleDurationSeconds is left out: the sessions of the controller last an hour, and it "
    "renews them."
)
_ADDRESS = "preferredAddressType is left out: a store does not ask the EKS Pod Identity agent."
_MOST_NAMES = 10


def notes(
    spec: ClassSpec, files: Sequence[str], keys: Sequence[str], used: Collection[str] | None
) -> Iterator[str]:
    """Sentences about modes, names and files, and about parameters that are left out.

    `keys` are those of the `files`; `used` are the files that secretObjects names, or None where
    the class has none.
    """
    yield _READABLE
    yield _INTERVAL
    modes = {
        mode for one in spec.objects for mode in (one.mode, *(x.mode for x in one.extractions))
    }
    if modes - {DRIVER_MODE}:
        yield _MODES
    if spec.assume_role is not None and spec.assume_role.duration is not None:
        yield _DURATION
    if spec.address_type != "auto":
        yield _ADDRESS
    if used is not None:
        left = [one for one in files if one not in used]
        if left:
            yield f"Files that secretObjects does not name are in no Secret: {_listed(left)}."
        return
    renamed = [f"{file} is {key}" for file, key in zip(files, keys, strict=True) if file != key]
    if renamed:
        yield f"Names of files that no key of a Secret can have are changed: {_listed(renamed)}."


def _listed(names: Sequence[str]) -> str:
    more = " and more" if len(names) > _MOST_NAMES else ""
    return ", ".join(islice(names, _MOST_NAMES)) + more
