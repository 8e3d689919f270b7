"""A certificate authority of the testbed's own."""

import ssl
from datetime import datetime
from pathlib import Path

import trustme


class Authority:
    """Signs server certificates; clients trust it through its PEM file."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def server(self, *names: str, until: datetime | None = None) -> ssl.SSLContext:
        """A server's context; loopback addresses are always among its names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = self._ca.issue_cert("localhost", "127.0.0.1", "::1", *names, not_after=until)
        certificate.configure_cert(context)
        return context

    def write(self, path: Path) -> Path:
        """Write the authority's certificate as a CA bundle."""
        self._ca.cert_pem.write_to_path(str(path))
        return path
