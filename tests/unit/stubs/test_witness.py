"""What a port saw of its clients: numbered, bounded, without secrets, and for the administrator alone."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
from flask import Response

from stubs.installation import Login
from stubs.serving import make_app
from stubs.watched import pages
from stubs.witness import KEPT_HANDSHAKES, KEPT_REQUESTS, LONGEST, Witness, alert_of
from tests.unit.stubs.portals import ask

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests.unit.stubs.portals import Bench

ADMINISTRATOR = Login("Administrator", "administrator-password")
CLIENT = ("192.0.2.7", 50000)


@pytest.fixture
def witness() -> Witness:
    """One that has seen nothing."""
    return Witness()


@pytest.fixture
def client(witness: Witness) -> FlaskClient:
    """A client of an application that is watched, and whose witness can be read."""
    app = make_app(__name__)
    app.register_blueprint(pages(witness, ADMINISTRATOR))

    @app.route("/there", methods=["GET", "POST"])
    def there() -> Response:
        return Response(status=302, headers={"Location": "https://there.test:9443/onexportal.html?token=secret"})

    app.wsgi_app = witness.watching(app.wsgi_app)  # type: ignore[method-assign,assignment] # Flask's own way of wrapping
    return app.test_client()


def get(client: FlaskClient, path: str, *, auth: tuple[str, str] | None = None) -> TestResponse:
    """A request from a known place."""
    place = {"REMOTE_ADDR": CLIENT[0], "REMOTE_PORT": str(CLIENT[1])}
    return client.get(path, environ_base=place, auth=auth)


def told(client: FlaskClient, path: str) -> dict[str, Any]:
    """What the administrator is told."""
    answered = get(client, path, auth=(ADMINISTRATOR.name, ADMINISTRATOR.password))
    assert answered.status_code == 200, answered.text
    found: dict[str, Any] = answered.get_json()
    return found


def refused(reason: str) -> ssl.SSLError:
    """An error as Python's ssl raises it."""
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("TLSV1_ALERT_UNKNOWN_CA", "unknown_ca"),
        ("SSLV3_ALERT_CERTIFICATE_UNKNOWN", "certificate_unknown"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "certificate_expired"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "bad_certificate"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "certificate_required"),
        ("TLSV1_ALERT_USER_CANCELLED", "user_canceled"),
        ("TLSV1_UNRECOGNIZED_NAME", "unrecognized_name"),
        ("UNEXPECTED_EOF_WHILE_READING", None),
        ("UNSUPPORTED_PROTOCOL", None),
        ("HTTP_REQUEST", None),
    ],
)
def test_an_alert_is_called_by_its_plain_name(reason: str, name: str | None) -> None:
    """What OpenSSL finds wrong by itself is no alert of the client's."""
    assert alert_of(refused(reason)) == name


@pytest.mark.parametrize("error", [None, TimeoutError("timed out"), ConnectionResetError(104, "reset")])
def test_what_the_network_did_is_no_alert(error: OSError | None) -> None:
    """Nor is nothing."""
    assert alert_of(error) is None


@pytest.mark.parametrize(
    ("finished", "sent", "error", "outcome"),
    [
        (True, True, None, "completed"),
        (True, False, None, "unused"),
        (True, False, TimeoutError("timed out"), "unused"),
        (True, False, refused("SSLV3_ALERT_BAD_CERTIFICATE"), "alert"),
        (False, False, refused("TLSV1_ALERT_UNKNOWN_CA"), "alert"),
        (False, False, refused("UNEXPECTED_EOF_WHILE_READING"), "dropped"),
        (False, False, ConnectionResetError(104, "reset"), "dropped"),
    ],
)
def test_a_handshake_has_one_of_four_outcomes(
    witness: Witness,
    *,
    finished: bool,
    sent: bool,
    error: OSError | None,
    outcome: str,
) -> None:
    """Completed only if the client sent something, an alert whenever one came."""
    witness.shaken(CLIENT, "primary.demo.test", finished=finished, sent=sent, error=error)
    assert witness.handshakes.after(0)[0][0].outcome == outcome


def test_the_oldest_go_first_and_the_reader_can_tell(witness: Witness) -> None:
    """A first number that does not follow the cursor says that some were missed."""
    for _ in range(KEPT_HANDSHAKES + 5):
        witness.shaken(CLIENT, None, finished=True, sent=True, error=None)
    seen, last = witness.handshakes.after(3)
    assert (len(seen), seen[0].number, last) == (KEPT_HANDSHAKES, 6, KEPT_HANDSHAKES + 5)
    assert [one.number for one in seen] == list(range(6, last + 1))


def test_a_flood_of_requests_takes_bounded_memory(client: FlaskClient, witness: Witness) -> None:
    """In number, and in what a client may make longer."""

    def answering(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])
        return []

    idle = witness.watching(answering)
    for _ in range(KEPT_REQUESTS):
        idle({"REQUEST_METHOD": "GET"}, lambda *_answer: lambda _body: None)
    client.get("/" + "x" * 2000, headers={"User-Agent": "y" * 2000})
    seen, last = witness.requests.after(0)
    assert (len(seen), seen[0].number, last) == (KEPT_REQUESTS, 2, KEPT_REQUESTS + 1)
    assert (len(seen[-1].path), len(seen[-1].user_agent)) == (LONGEST, LONGEST)


def test_a_request_is_kept_with_what_it_asked_and_what_it_got(client: FlaskClient, witness: Witness) -> None:
    """Who, what, which answer, and where that sent the client."""
    client.get(
        "/there",
        headers={"User-Agent": "somebody's own/1.0"},
        environ_base={"REMOTE_ADDR": CLIENT[0], "REMOTE_PORT": str(CLIENT[1])},
    )
    seen = witness.requests.after(0)[0][0]
    assert (seen.client, seen.client_port) == CLIENT
    assert (seen.method, seen.path, seen.status) == ("GET", "/there", 302)
    assert seen.location == "https://there.test:9443/onexportal.html"
    assert seen.user_agent == "somebody's own/1.0"


def test_no_secret_of_a_request_is_kept(client: FlaskClient) -> None:
    """Neither cookie, body, query nor log-in; not even where the answer's address carries one."""
    client.set_cookie("onex_session", "secret")
    client.post("/there?token=secret", json={"password": "secret"}, auth=("secret", "secret"))
    assert "secret" not in str(told(client, "/api/v1/requests"))


def test_a_failed_request_is_kept_too(client: FlaskClient, witness: Witness) -> None:
    """With the status that the client got."""
    client.get("/nowhere")
    assert [seen.status for seen in witness.requests.after(0)[0]] == [404]


def test_the_administrator_reads_on_from_where_he_was(client: FlaskClient, witness: Witness) -> None:
    """`after` leaves out what is known; `boot` tells a new process, whose numbers begin again."""
    for _ in range(3):
        witness.shaken(CLIENT, None, finished=True, sent=True, error=None)
    first = told(client, "/api/v1/handshakes?after=1")
    assert [one["number"] for one in first["handshakes"]] == [2, 3]
    assert set(first["handshakes"][0]) == {
        *("number", "at", "client", "client_port", "server_name", "outcome", "alert", "detail")
    }
    assert (first["last"], first["boot"]) == (3, witness.boot)
    assert told(client, "/api/v1/handshakes?after=3")["handshakes"] == []
    assert Witness().boot > witness.boot


@pytest.mark.parametrize("path", ["/api/v1/handshakes", "/api/v1/requests"])
@pytest.mark.parametrize("auth", [None, ("Administrator", "wrong"), ("alice", "administrator-password")])
def test_nobody_else_may_read(client: FlaskClient, path: str, auth: tuple[str, str] | None) -> None:
    """It tells who does what."""
    answered = get(client, path, auth=auth)
    assert (answered.status_code, answered.get_json()["error"]) == (401, "invalid_credentials")
    assert answered.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize("after", ["-1", "x", "", "1.5", "9" * 19])
def test_a_cursor_that_is_none_is_refused(client: FlaskClient, after: str) -> None:
    """And the message says what one is."""
    auth = (ADMINISTRATOR.name, ADMINISTRATOR.password)
    answered = get(client, f"/api/v1/requests?after={after}", auth=auth)
    assert (answered.status_code, answered.get_json()["error"]) == (400, "bad_request")
    assert "after" in answered.get_json()["message"]


def test_a_portal_s_requests_are_kept_with_the_user_they_are_of(bench: Bench, witness: Witness) -> None:
    """The log-in itself and all that its session asks; nobody's is nobody's, whatever name a header gives."""
    bench.app.wsgi_app = witness.watching(bench.app.wsgi_app)  # type: ignore[method-assign,assignment] # as above
    alice = bench.user("alice")
    ask(alice, "GET", "/api/v1/session")
    ask(bench.client(), "GET", "/api/v1/session", headers={"Remote-User": "alice"})
    ask(bench.client(), "POST", "/api/v1/session", json={"user": "alice", "password": "wrong"})
    ask(alice, "POST", "/api/v1/settings", json={"key": "ring", "value": "on"})
    kept = [(one.method, one.status, one.user) for one in witness.requests.after(0)[0]]
    assert kept == [
        ("POST", 201, "alice"),
        ("GET", 200, "alice"),
        ("GET", 401, None),
        ("POST", 401, None),
        ("POST", 201, "alice"),
    ]
