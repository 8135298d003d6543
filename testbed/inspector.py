"""What the orchestrator itself sees of a server over HTTPS: status pages as values, administrators' calls. Requests.

Where an Application Server stands in for its portal, that portal is looked at (CFG-10). Takes whatever certificate it
is shown: a fault of that (CERT-5) must not blind whoever staged it. Clients under test never use this: they have their
own trust, their own names and their own history.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPSConnectionPool
from urllib3.connection import HTTPSConnection
from urllib3.util import Retry

from stubs import ports
from testbed.errors import FaultError, RefusedError
from testbed.tls import client_context

if TYPE_CHECKING:
    from testbed.servers import Server

CONNECT_S, TIMEOUT_S = 0.2, 0.5
"""How long a status page may take to accept, and then to answer, in seconds. A lost server does neither."""

ASKED_NAME = "orchestrator.test"
"""The name that the orchestrator asks for by SNI, so that a server's record tells it from clients (CERT-6)."""

AGENT = "portal-testbed (orchestrator)"
"""What it calls itself."""

_OK_BELOW = 400


class _Connection(HTTPSConnection):
    """One on which no certificate is judged, and nobody is warned of it: that is meant here."""

    def connect(self) -> None:
        super().connect()
        self.is_verified = True


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


class _Adapter(HTTPAdapter):
    """Gives a connection that was kept open, and that the other side closed meanwhile, one more try."""

    def __init__(self) -> None:
        super().__init__(max_retries=Retry(1, connect=0, read=0, other=1))

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        marked = [
            *HTTPSConnection.default_socket_options,
            (socket.IPPROTO_IP, socket.IP_TOS, ports.INSPECTOR_DSCP << 2),
        ]
        options |= {"server_hostname": ASKED_NAME, "ssl_context": _trusting(), "socket_options": marked}
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"https": _Pool}


class Inspector:
    """Looks at one server, and administers it.

    Args:
        server: which.
        administrator: name and password.
    """

    def __init__(self, server: Server, *, administrator: tuple[str, str]) -> None:
        self._server = server
        self.administrator = administrator
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = False
        self._session.headers["User-Agent"] = AGENT
        self._session.mount("https://", _Adapter())

    def certificate(self, port: int) -> bytes | None:
        """The certificate that the server shows on a port now, DER; empty: nobody listens, `None`: no answer."""
        try:
            with (
                socket.create_connection((self._server.address, port), CONNECT_S) as plain,
                _trusting().wrap_socket(plain, server_hostname=ASKED_NAME) as tls,
            ):
                return tls.getpeercert(binary_form=True)
        except ConnectionRefusedError:
            return b""
        except OSError:
            return None

    @property
    def name(self) -> str:
        """The server that is looked at."""
        return self._server.name

    def services(self) -> dict[str, Any] | None:
        """The platform view's rows; `None` if it does not answer."""
        answer = self._look(ports.PLATFORM_VIEW, "/api/v1/services")
        return None if answer is None else answer["services"]

    def portal_row(self) -> dict[str, Any]:
        """The portal's row in the platform view of the server that carries it; empty if that does not answer."""
        answer = self._look(ports.PLATFORM_VIEW, "/api/v1/services", at=self._server.portal_server)
        row: dict[str, Any] = {} if answer is None else answer["services"].get("portal", {})
        return row

    def resilience(self) -> dict[str, Any] | None:
        """The portal's resilience status; `None` if it does not answer."""
        return self._look(ports.PORTAL_HTTPS, "/api/v1/resilience")

    def dormant_boot(self) -> int | None:
        """The start of a portal that stopped by itself (CFG-11); `None` if it did not, or nobody can tell."""
        row = self.portal_row()
        return row["boot"] if row.get("dormant") else None

    def redirect(self) -> dict[str, Any] | None:
        """What the core's redirect service says; `None` if it does not answer."""
        return self._look(ports.CORE_SERVICES, "/api/v1/redirect")

    def handshakes(self, port: int, *, after: int = 0) -> dict[str, Any] | None:
        """What the server saw of handshakes on a port since number `after`; `None` if it does not answer (CERT-6)."""
        return self._look(port, f"/api/v1/handshakes?after={after}", auth=self.administrator)

    def asked(self, port: int, *, after: int = 0) -> dict[str, Any] | None:
        """The requests that it answered there since number `after`; `None` if it does not answer (CLIENT-4)."""
        return self._look(port, f"/api/v1/requests?after={after}", auth=self.administrator)

    def answers(self, service: str) -> bool:
        """Whether core or portal answers; a portal that stopped by itself (CFG-11) has begun as far as it goes."""
        if service == "core":
            return self.redirect() is not None
        return self.resilience() is not None or self.dormant_boot() is not None

    def configuration(self) -> tuple[str, dict[str, Any]]:
        """Load the core's configuration as Manager does: its ETag and itself (CFG-8).

        Raises:
            FaultError: the core does not answer.
        """
        answer = self.call("GET", ports.CORE_SERVICES, "/api/v1/configuration", auth=self.administrator)
        return answer.headers["ETag"], _object(answer)

    def save_configuration(self, etag: str, configuration: dict[str, Any]) -> str:
        """Save what was loaded and edited; the new ETag.

        Raises:
            RefusedError: as stale or invalid; the core's words name the field.
            FaultError: the core does not answer.
        """
        answer = self.call(
            "PUT",
            ports.CORE_SERVICES,
            "/api/v1/configuration",
            auth=self.administrator,
            json=configuration,
            headers={"If-Match": etag},
        )
        return answer.headers["ETag"]

    def start(self, service: str) -> None:
        """Start a service by hand, in the platform view; nothing happens to one that runs.

        Raises:
            RefusedError: it stopped by itself, or has no process (CFG-11).
            FaultError: the platform view does not answer.
        """
        path = f"/api/v1/services/{service}/start"
        self.call("POST", ports.PLATFORM_VIEW, path, auth=self.administrator)

    def administer(self, method: str, path: str, body: Any = None) -> Any:
        """Call the portal's administrator API, logged in for this one call; the JSON of its answer.

        Raises:
            RefusedError: with the portal's reason.
            FaultError: the portal does not answer.
        """
        name, password = self.administrator
        self._session.cookies.clear()
        log_in = {"user": name, "password": password, "end_other": True}
        self.call("POST", ports.PORTAL_HTTPS, "/api/v1/admin/session", json=log_in)
        answer = self.call(method, ports.PORTAL_HTTPS, f"/api/v1/admin/{path}", json=body)
        return answer.json() if answer.content else None

    def call(self, method: str, port: int, path: str, **options: Any) -> requests.Response:
        """Send one request; its successful answer.

        Raises:
            RefusedError: with the server's reason.
            FaultError: nothing answers.
        """
        at = self._at(port)
        url = f"https://{at.address}:{port}{path}"
        options = {"timeout": 5, "allow_redirects": False, **options}
        try:
            answer = self._session.request(method, url, **options)
        except requests.RequestException as error:
            raise FaultError(f"{self._server.name}: {method} {path} on port {port} got no answer: {error}") from error
        if answer.status_code >= _OK_BELOW:
            raise _refusal(f"the {self._server.name} refused {method} {path}", answer)
        return answer

    def answer(
        self, port: int, path: str, *, at: Server | None = None, auth: tuple[str, str] | None = None
    ) -> requests.Response | None:
        """What a service answers, whatever its status; no redirect is followed. `None` if it does not answer.

        Args:
            port: which service.
            path: what is asked for.
            at: on which server; left out, where that service of this server's half runs (CFG-10).
            auth: name and password, where it is for the administrator only.
        """
        at = at or self._at(port)
        url = f"https://{at.address}:{port}{path}"
        patience = (CONNECT_S, TIMEOUT_S)
        try:
            return self._session.get(url, timeout=patience, allow_redirects=False, auth=auth)
        except requests.RequestException:
            return None

    def _at(self, port: int) -> Server:
        """The server on which that port is looked for."""
        if port == ports.PORTAL_HTTPS:
            return self._server.portal_server
        return self._server.core_server if port == ports.CORE_SERVICES else self._server

    def _look(
        self, port: int, path: str, *, at: Server | None = None, auth: tuple[str, str] | None = None
    ) -> dict[str, Any] | None:
        answer = self.answer(port, path, at=at, auth=auth)
        try:
            return _object(answer) if answer is not None and answer.ok else None
        except ValueError:
            return None


def _trusting() -> ssl.SSLContext:
    context = client_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _refusal(what: str, answer: requests.Response) -> RefusedError:
    try:
        said = _object(answer)
    except ValueError:
        said = {}
    says = str(said.get("message") or f"{answer.status_code} {answer.text[:300]}")
    return RefusedError(what, status=answer.status_code, code=str(said.get("error", "")), says=says)


def _object(answer: requests.Response) -> dict[str, Any]:
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - what was sent is wrong, not what was called
    return found
