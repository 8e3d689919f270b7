"""The fake AWS as a test holds it: an account, listeners, faults and a journal."""

import ssl

from testbed.aws.cloud import Cloud
from testbed.aws.endpoint import Endpoint
from testbed.aws.errors import AwsError
from testbed.fake import Desk, Listening
from testbed.http_server import Server
from testbed.journal import Journal


class FakeAws(Listening):
    """All services of all regions behind one URL, and each region behind one of its own as well.

    Behind `url` the region of a call is that of the path (`<url>/eu-west-1`), else that of its
    signature; calls without one (AssumeRoleWithWebIdentity) belong to the region in the Host
    header, else to `us-east-1`. Behind `url_of(region)` every call belongs to that region;
    `cut_off` closes that listener alone.
    """

    def __init__(  # noqa: PLR0913 (all by name)
        self,
        cloud: Cloud | None = None,
        *,
        check_signatures: bool = True,
        latency: float = 0.0,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        keep_calls: bool = True,
    ) -> None:
        self.cloud = cloud or Cloud()
        self._desk = Desk(AwsError, latency, journal=Journal(keep=keep_calls))
        self.faults = self._desk.faults
        self.journal = self._desk.journal
        self._check_signatures = check_signatures
        self._tls = tls
        self._host = host
        self._all = self._server("", port)
        self._regions: dict[str, Server] = {}
        super().__init__(self._all)

    @property
    def url(self) -> str:
        """Base URL for every region."""
        return self._all.url

    def url_of(self, region: str) -> str:
        """Base URL of one region; starts to listen at first use."""
        if region not in self._regions:
            self._regions[region] = self._server(region).start()
        return self._regions[region].url

    def cut_off(self, region: str) -> None:
        """Refuse and drop connections to `url_of(region)`."""
        self.url_of(region)
        self._regions[region].stop()

    def restore(self, region: str) -> None:
        """Listen again where `cut_off` stopped."""
        self._regions[region].start()

    def stop(self) -> None:
        """Drop everything."""
        super().stop()
        for server in self._regions.values():
            server.stop()

    def _server(self, region: str, port: int = 0) -> Server:
        endpoint = Endpoint(
            self.cloud,
            self._desk,
            region,
            check_signatures=self._check_signatures,
        )
        return Server(endpoint, host=self._host, port=port, tls=self._tls)
