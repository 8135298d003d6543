"""Defects of certificates and of the record of handshakes (CERT)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stubs import witness
from stubs.defects.planting import defect
from stubs.serving import HttpsServer
from stubs.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable


@defect(HttpsServer, "reload_certificate", breaks=("CERT-5",))
def certificate_stays(_right: Callable[..., None], _server: HttpsServer) -> None:
    """A service goes on with the certificate that it started with, whatever is installed since."""


@defect(Witness, "shaken", breaks=("CERT-6",))
def name_unrecorded(
    right: Callable[..., None], seen: Witness, client: tuple[str, int], _server_name: str | None, **how: Any
) -> None:
    """The record of a handshake does not tell which name the client asked for."""
    right(seen, client, None, **how)


@defect(witness, "alert_of", breaks=("CERT-6",))
def alert_unnoticed(_right: object, _error: BaseException | None) -> str | None:
    """A TLS alert is taken for any other end of a connection, so that nobody sees why a client left."""
    return None


@defect(Witness, "shaken", breaks=("CERT-6",))
def refusal_recorded_as_completed(
    right: Callable[..., None], seen: Witness, client: tuple[str, int], server_name: str | None, **how: Any
) -> None:
    """A client that refused the certificate is recorded as one that took it."""
    right(seen, client, server_name, **{**how, "sent": True, "error": None})
