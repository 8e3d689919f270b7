"""Removes from an installed tree what the image has no use for: `trim.py SITE_PACKAGES`.

The daemon does not load botocore. `mount --local` gets the caller's own credentials as the SDK
does: by a role to assume (sts), single sign-on (sso, sso-oidc) or `aws login` (signin). The models
of the other services are nine tenths of botocore.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

RULES = "endpoint-rule-set-1.json.gz"
KEPT: dict[str, tuple[str, ...]] = {
    "sts": (RULES, "service-2.json.gz"),
    "sso": (RULES, "service-2.json.gz"),
    "sso-oidc": (RULES, "service-2.json.gz"),
    "signin": (RULES, "service-2.json.gz"),
}
"""Files of botocore/data/<service>/<version>; those of no service (partitions, …) stay as well."""

UNUSED = (
    "boto3/data",
    "boto3/examples",
    "grpc/_cython/_credentials",  # certificates of channels over TLS: the socket has none
)


def superfluous(site_packages: Path) -> Iterator[Path]:
    """The files and folders to remove."""
    data = site_packages / "botocore" / "data"
    for service in (entry for entry in data.iterdir() if entry.is_dir()):
        if service.name not in KEPT:
            yield service
        else:
            yield from (file for file in service.glob("*/*") if file.name not in KEPT[service.name])
    for name in UNUSED:
        if (site_packages / name).exists():
            yield site_packages / name
    yield from site_packages.rglob("*.py[ix]")
    if (site_packages / "bin").exists():
        yield site_packages / "bin"


def trim(site_packages: Path) -> None:
    """Remove what is superfluous; fail where something that must stay is not there."""
    for service, files in KEPT.items():
        for file in files:
            if not list(site_packages.glob(f"botocore/data/{service}/*/{file}")):
                raise SystemExit(f"botocore has no {file} for {service} any more")
    for path in list(superfluous(site_packages)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


if __name__ == "__main__":
    trim(Path(sys.argv[1]))
