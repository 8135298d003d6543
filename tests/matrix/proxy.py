"""A proxy that connects names to addresses: how wget, which takes no addresses for names, is told of servers."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIMEOUT_S = 10.0


@contextlib.contextmanager
def connecting(names: Mapping[str, str]) -> Iterator[str]:
    """Answer CONNECT for these names by tunnels to their addresses; yields the proxy's URL. It reads nothing else."""

    class Handler(socketserver.StreamRequestHandler):
        rbufsize = 0  # what follows the head belongs to the tunnel

        def handle(self) -> None:
            host, _, port = self.rfile.readline().split()[1].decode().rpartition(":")
            while self.rfile.readline().strip():
                pass
            if host not in names:
                self.wfile.write(b"HTTP/1.1 404 No such name\r\n\r\n")
                return
            try:
                other = socket.create_connection((names[host], int(port)), _TIMEOUT_S)
            except OSError:
                self.wfile.write(b"HTTP/1.1 502 Not connected\r\n\r\n")
                return
            with other:
                self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
                _carry(self.connection, other)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _carry(one: socket.socket, other: socket.socket) -> None:
    """Bytes both ways until either side ends, or is silent for long."""
    towards = {one: other, other: one}
    with contextlib.suppress(OSError):
        while ready := select.select(list(towards), [], [], _TIMEOUT_S)[0]:
            for side in ready:
                data = side.recv(65536)
                if not data:
                    return
                towards[side].sendall(data)
