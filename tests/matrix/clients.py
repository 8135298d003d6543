"""Clients of the matrix: each asks a server for a page once, and says what it made of the certificate.

A verdict is what the client itself gives away: an error's number, an exit code, its own words. `TRUSTED` is no error.
Clients are told that a name is at an address; nothing edits the machine's hosts file.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

from testbed.tls import client_context
from tests.matrix.proxy import connecting

if TYPE_CHECKING:
    from pathlib import Path

TRUSTED = "trusted"
WITHIN_S = 30
AGENT = "somebody/1.0"
"""What those that can be told to call themselves something call themselves."""

WGET_SAYS = (
    ("The certificate of .* is not trusted", "not trusted"),
    ("doesn't have a known issuer|hasn't got a known issuer", "unknown issuer"),
    ("has expired", "expired"),
    ("is not yet activated", "not yet activated"),
    ("owner does not match hostname", "wrong owner"),
)
"""Words of wget that count (it exits with 5 for each), and how the table has them."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A page to ask for, and whom to trust.

    Attributes:
        hostname: the name of the server.
        address: where it is.
        port: its TLS port.
        anchors: PEM file with the authorities that are trusted.
        path: of the page.
    """

    hostname: str
    address: str
    port: int
    anchors: Path
    path: str = "/"

    @property
    def url(self) -> str:
        """The page."""
        return f"https://{self.hostname}:{self.port}{self.path}"


def python_ssl(place: Place) -> str:
    """Python's `ssl` with its defaults: the number that OpenSSL gave."""
    context = ssl.create_default_context(cafile=place.anchors)
    context.sslsocket_class = client_context().sslsocket_class
    try:
        with (
            socket.create_connection((place.address, place.port), WITHIN_S) as plain,
            context.wrap_socket(plain, server_hostname=place.hostname),
        ):
            return TRUSTED
    except ssl.SSLCertVerificationError as error:
        return f"error {error.verify_code}"


class _At(HTTPAdapter):
    """Connects to an address in the name of a host; all else is as it comes."""

    def __init__(self, hostname: str) -> None:
        self._hostname = hostname
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, server_hostname=self._hostname, **options)


def python_requests(place: Place) -> str:
    """The library requests: the number that OpenSSL gave, beneath its `SSLError`."""
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", _At(place.hostname))
        url = f"https://{place.address}:{place.port}{place.path}"
        headers = {"Host": f"{place.hostname}:{place.port}", "User-Agent": AGENT}
        try:
            session.get(url, verify=str(place.anchors), headers=headers, timeout=WITHIN_S, allow_redirects=False)
        except requests.exceptions.SSLError as error:
            return f"SSLError {_beneath(error).verify_code}"
        return TRUSTED


def curl(place: Place) -> str:
    """The program curl: its exit code, and the number that OpenSSL gave."""
    ended = run(
        ["curl", "--disable", "--silent", "--output", os.devnull, "--noproxy", "*", "--max-time", str(WITHIN_S - 5)],
        ["--user-agent", AGENT, "--write-out", "%{ssl_verify_result}", "--cacert", str(place.anchors)],
        ["--resolve", f"{place.hostname}:{place.port}:{place.address}", place.url],
    )
    return TRUSTED if ended.returncode == 0 else f"exit {ended.returncode}, error {ended.stdout}"


def wget(place: Place) -> str:
    """The program wget: its exit code, and what it says."""
    with connecting({place.hostname: place.address}) as proxy:
        ended = run(
            ["wget", "--no-config", "--no-verbose", "--output-document", os.devnull, "--tries", "1", "--no-hsts"],
            ["--timeout", str(WITHIN_S - 5), "--user-agent", AGENT, "--ca-certificate", str(place.anchors)],
            ["--max-redirect", "0", "-e", "use_proxy=yes", "-e", f"https_proxy={proxy}", place.url],
        )
    said = [short for words, short in WGET_SAYS if re.search(words, ended.stderr)]
    if ended.returncode == 0 or (ended.returncode == 8 and not said):  # 8: an answer, but no page
        return TRUSTED
    return f"exit {ended.returncode}, {', '.join(said) or ended.stderr}"


CLIENTS = {"Python ssl": python_ssl, "requests": python_requests, "curl": curl, "wget": wget}


def run(*words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program that speaks English and knows no proxy; its end."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return subprocess.run(  # noqa: S603 - ours
        [word for part in words for word in part],
        env={**environment, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


def _beneath(error: BaseException) -> ssl.SSLCertVerificationError:
    """The error of a handshake that others are wrapped around."""
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ssl.SSLCertVerificationError):
            return one
        if isinstance(one, BaseException):
            waiting += [*one.args, one.__cause__, one.__context__, getattr(one, "reason", None)]
    raise AssertionError(f"not about a certificate: {error!r}") from error
