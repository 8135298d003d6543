"""TLS handshakes in a worker thread, each on record (CERT-6).

Not while accepting: a client that connects and says nothing must not hold up the others. How a handshake ended is known
only once the client has sent something: with TLS 1.3 an alert can arrive after it is finished.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stubs import patience

if TYPE_CHECKING:
    from stubs.witness import Witness


def on_record(witness: Witness) -> type[patience.Connection]:
    """Connections whose handshakes this witness is told of."""

    class Connection(patience.Connection):
        """Shakes hands in the worker thread, once, and on record."""

        shaken = False

        def communicate(self) -> bool:
            if not self.shaken:
                self.shaken = True
                if not self._shake():
                    return False
            return super().communicate()

        def _shake(self) -> bool:
            """Whether the client sent something once shaken hands with; no record where this side ended it first."""
            finished, sent, error = False, False, None
            try:
                if self.busy():
                    self.socket.do_handshake()
                    finished = True
                sent = self.idle() and bool(self.rfile.peek(1))  # stays there for whoever reads the request
            except OSError as raised:
                error = raised
            if self.is_over:
                return False
            client = (str(self.remote_addr), int(self.remote_port or 0))
            witness.shaken(client, self.socket.server_name, finished=finished, sent=sent, error=error)
            return sent

    return Connection
