"""A forward proxy on loopback: passes requests on, tunnels with CONNECT, and keeps a list."""

import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit


@dataclass
class Proxied:
    """What a proxy has seen; `answer` is the status that it answers CONNECT with."""

    url: str = ""
    seen: list[str] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    answer: int = 200


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    record: Proxied
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        with suppress(OSError):  # whoever hangs up is no concern of a proxy's
            if self.tls is None:
                _Handler(request, client_address, self)
                return
            with self.tls.wrap_socket(request, server_side=True) as secured:
                _Handler(secured, client_address, self)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        record = self._record()
        if not 200 <= record.answer < 300:
            self.send_error(record.answer)
            return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as upstream:
            self.send_response(record.answer)
            self.end_headers()
            _pump(self.connection, upstream)
        self.close_connection = True

    def do_POST(self) -> None:
        self._record()
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        upstream = HTTPConnection(url.hostname or "", url.port)
        headers = {n: v for n, v in self.headers.items() if not n.startswith("Proxy-")}
        upstream.request("POST", url.path, body, headers)
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass

    def _record(self) -> Proxied:
        assert isinstance(self.server, _Server)
        self.server.record.seen.append(f"{self.command} {self.path}")
        self.server.record.authorizations.append(self.headers["Proxy-Authorization"])
        return self.server.record


def _pump(one: socket.socket, other: socket.socket) -> None:
    peers = {one: other, other: one}
    while True:
        for ready in select.select(list(peers), [], [], 10)[0]:
            while True:
                data = ready.recv(65536)
                if not data:
                    return
                peers[ready].sendall(data)
                if not (isinstance(ready, ssl.SSLSocket) and ready.pending()):
                    break


@contextmanager
def running_proxy(tls: ssl.SSLContext | None = None, answer: int = 200) -> Iterator[Proxied]:
    """A proxy, over TLS itself where `tls` is given."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        scheme = "https" if tls else "http"
        server.record = Proxied(f"{scheme}://127.0.0.1:{server.server_port}", answer=answer)
        server.tls = tls
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.record
        finally:
            server.shutdown()
            thread.join()
