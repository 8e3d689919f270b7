"""The image's bill of materials, as CycloneDX, made of the lock alone: sbom.py VERSION > sbom.json

The lock is what the image installs, file by file by hash, so it is the whole truth about the Python
packages; nothing has to be installed or asked for. The base image brings its own
bill of materials, and is named by the digest that it was built on.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[2] / "requirements" / "runtime.txt"
NAME = "secrets-provider-aws"

_PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)([^\\]*)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(lock: str) -> Iterator[dict[str, Any]]:
    """Each locked package, with the hashes of the files that it may be installed from."""
    found = list(_PACKAGE.finditer(lock))
    ends = [one.start() for one in found[1:]] + [len(lock)]
    for one, end in zip(found, ends, strict=True):
        name, version = one[1].lower().replace("_", "-"), one[2]
        url = f"pkg:pypi/{name}@{version}"
        files = _HASH.findall(lock, one.end(), end)
        yield {
            "type": "library",
            "bom-ref": url,
            "name": name,
            "version": version,
            "purl": url,
            "externalReferences": [
                {
                    "type": "distribution",
                    "url": url,
                    "hashes": [{"alg": "SHA-256", "content": digest} for digest in files],
                }
            ],
        }


def bill(lock: str, version: str) -> dict[str, Any]:
    """The document. It holds no time and no serial number: the same lock gives the same bytes."""
    packages = list(components(lock))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": NAME,
                "name": NAME,
                "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": packages,
        "dependencies": [{"ref": NAME, "dependsOn": [one["bom-ref"] for one in packages]}],
    }


if __name__ == "__main__":
    json.dump(bill(LOCK.read_text(), sys.argv[1]), sys.stdout, indent=1)
    print()
