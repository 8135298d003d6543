"""TLS sockets of the testbed's own side. Standard library only."""

from __future__ import annotations

import ssl


class Socket(ssl.SSLSocket):
    """Is closed when making it fails.

    Whoever is wrapped after the other side has reset the connection, but before the handshake, is left open by
    CPython 3.11, out of everybody's reach: a service that is killed in that moment leaves such a socket.
    """

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Read; nobody reads again after a reset."""
        try:
            return super().recv(buflen, flags)
        except ConnectionError:
            self.close()
            raise


def client_context() -> ssl.SSLContext:
    """What a client begins with; it trusts nobody yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = Socket
    return context
