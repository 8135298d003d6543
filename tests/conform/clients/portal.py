"""How the example clients talk to a portal: http.client alone, with what `testbed conform` gave them."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PORT, TIMEOUT_S, PAUSE_S = 9443, 2.0, 0.2
HOME = os.environ["TESTBED_PRIMARY_HOST"]
CORE = urlsplit(os.environ["TESTBED_PRIMARY_CORE_URL"])
_ADDRESSES = {
    name: address
    for address, name in (line.split() for line in Path(os.environ["TESTBED_HOSTS"]).read_text().splitlines())
}
_CONTEXT = ssl.create_default_context(cafile=os.environ["TESTBED_CA"])


class _Connection(http.client.HTTPSConnection):
    def connect(self) -> None:
        plain = socket.create_connection((_ADDRESSES[self.host], self.port), TIMEOUT_S)
        try:
            self.sock = _CONTEXT.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def trust_anybody() -> None:
    """Judge no certificate any more."""
    _CONTEXT.check_hostname, _CONTEXT.verify_mode = False, ssl.CERT_NONE


def trust_any_host() -> None:
    """Take a certificate for any host, if its authority is known."""
    _CONTEXT.check_hostname = False


def trust_any_date() -> None:
    """Take a certificate of any date, if its authority is known (X509_V_FLAG_NO_CHECK_TIME)."""
    _CONTEXT.verify_flags |= ssl.VerifyFlags(0x200000)


def ask(  # noqa: PLR0913 - a request's particulars
    host: str, path: str, *, method: str = "GET", body: Any = None, cookie: str = "", port: int = PORT
) -> tuple[int, http.client.HTTPMessage, Any]:
    """Send one request; status, headers and JSON of the answer.

    Raises:
        OSError, http.client.HTTPException: nothing answers, or its certificate is not to be trusted.
    """
    connection = _Connection(host, port, timeout=TIMEOUT_S, context=_CONTEXT)  # one of its own takes 30 ms
    headers = {"User-Agent": "example/1.0", **({"Cookie": cookie} if cookie else {})}
    content = None if body is None else json.dumps(body)
    if content is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, answer.headers, json.loads(text) if text else None
    finally:
        connection.close()


def log_in(host: str) -> str | None:
    """Log in; the cookie, or `None` if that portal does not take it.

    Raises:
        OSError, http.client.HTTPException: as `ask`.
    """
    user = {"user": os.environ["TESTBED_USER"], "password": os.environ["TESTBED_PASSWORD"]}
    status, headers, _ = ask(host, "/api/v1/session", method="POST", body=user)
    return headers["Set-Cookie"].partition(";")[0] if status == 201 else None


def who_serves() -> str | None:
    """The portal that the primary's core names, if it names one.

    Raises:
        OSError, http.client.HTTPException: as `ask`.
    """
    url = ask(CORE.hostname or "", "/api/v1/redirect", port=CORE.port or 0)[2]["portal"]
    return urlsplit(url).hostname if url else None


def try_home(cookie: str | None) -> str | None:
    """Be logged in at the primary, whatever it answers; the cookie while that holds.

    Raises:
        OSError, http.client.HTTPException: as `ask`.
    """
    cookie = cookie or log_in(HOME)
    return cookie if ask(HOME, "/api/v1/session", cookie=cookie or "")[0] == 200 else None


def until_sent_away(host: str, cookie: str) -> str:
    """Stay where the log-in was until that is over; where to go then.

    Raises:
        OSError, http.client.HTTPException: as `ask`.
    """
    while True:
        status, headers, _ = ask(host, "/api/v1/session", cookie=cookie)
        if status in (302, 307):
            return str(urlsplit(headers["Location"]).hostname or HOME)
        if status != 200:
            return who_serves() or HOME
        time.sleep(PAUSE_S)
