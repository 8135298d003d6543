"""What a core's services and a platform view answer, to right and to bad requests."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

import pytest

from stubs import clock
from stubs.core import app as core_app
from stubs.core import configuration
from stubs.core.board import Board
from stubs.core.configuration import MOST_BYTES
from stubs.core.versioned import ConfigurationFile
from stubs.server import view
from stubs.serving import Code
from stubs.signs import SignBoard
from stubs.watchdog import Sign
from stubs.wire import Site
from tests.unit.stubs.portals import ask, installed, word
from tests.unit.stubs.watched import WatchedClient

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

ADMINISTRATOR = ("Administrator", "administrator-password")
PATH = "/api/v1/configuration"
FRESH_MS = 60_000


class CoreBench:
    """The primary's core without its links; counts how often it was told of a change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.installed = installed(Site.PRIMARY)
        self.file = ConfigurationFile(folder / "configuration.json", configuration.at_installation(self.installed))
        self.board = Board(FRESH_MS)
        self.changes = 0
        self.app = core_app.build(self.installed, self.file, self.board, self._changed)
        self.app.test_client_class = WatchedClient
        self.client = self.app.test_client()

    def _changed(self) -> None:
        self.changes += 1

    def save(self, body: Any, **headers: str) -> TestResponse:
        """Save a configuration as the administrator."""
        data = body if isinstance(body, bytes) else json.dumps(body)
        return ask(
            self.client, "PUT", PATH, data=data, content_type="application/json", auth=ADMINISTRATOR, headers=headers
        )

    def load(self) -> dict[str, Any]:
        """Load the configuration as the administrator."""
        loaded: dict[str, Any] = ask(self.client, "GET", PATH, auth=ADMINISTRATOR).get_json()
        return loaded


@pytest.fixture
def core(tmp_path: Path) -> CoreBench:
    """The primary's core."""
    return CoreBench(tmp_path)


def assert_refused(answer: TestResponse, *statuses: int, names: str = "") -> None:
    """A refusal of one form, with a known code and no trace of the program."""
    assert answer.status_code in statuses, (answer.status_code, answer.text)
    body = answer.get_json()
    assert set(body) == {"error", "message"}
    assert body["error"] in get_args(Code)
    assert names in body["message"]
    assert "Traceback" not in answer.text


def test_a_configuration_is_loaded_edited_and_saved(core: CoreBench) -> None:
    """CFG-8: each save makes a version, and the core is told once."""
    loaded = ask(core.client, "GET", PATH, auth=ADMINISTRATOR)
    assert loaded.headers["ETag"] == '"1"'
    body = {**loaded.get_json(), "system": {"mode": "standard"}}
    saved = core.save(body, If_Match='"1"')
    assert (saved.status_code, saved.headers["ETag"], saved.get_json()) == (200, '"2"', body)
    assert core.load() == body
    assert core.changes == 1


@pytest.mark.parametrize("tag", ['"1"', 'W/"1"', "1", '"3"', "*", "", '"x"', '"-1"', '"' + "9" * 5000 + '"', '"²"'])
def test_a_stale_save_is_refused_and_changes_nothing(core: CoreBench, tag: str) -> None:
    """CFG-8: 412 for whatever is not the ETag in force."""
    core.save(core.load(), If_Match='"1"')
    before = core.file.saved
    assert_refused(core.save(core.load(), If_Match=tag), 412)
    assert (core.file.saved, core.changes) == (before, 1)


def test_a_save_without_its_version_is_refused(core: CoreBench) -> None:
    """CFG-8: 428, as nobody knows what was edited."""
    assert_refused(core.save(core.load()), 428, names="If-Match")


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("system", "mode"), "premium", "$.system.mode"),
        (("lines", 0, "number"), 0, "$.lines[0].number"),
        (("lines", 0, "number"), 10**400, "$.lines[0].number"),
        (("lines", 0, "to"), "primary", "$.lines[0].to"),
        (("lines", 0, "to"), "moon", "$.lines[0].to"),
        (("lines", 0, "backs_up_my_one_x_portal"), "yes", "$.lines[0].backs_up_my_one_x_portal"),
        (("users", 0, "name"), "", "$.users[0].name"),
        (("users", 0, "name"), "a\0b", "$.users[0].name"),
        (("users", 0, "name"), "alice\n", "$.users[0].name"),
        (("users", 0, "password"), "", "$.users[0].password"),
        (("users",), None, "$.users"),
        (("lines",), [[[[]]]], "$.lines"),
        (("sneaky",), 1, "sneaky"),
    ],
)
def test_an_invalid_save_names_its_field_and_changes_nothing(
    core: CoreBench, path: tuple[str | int, ...], value: object, named: str
) -> None:
    """CFG-8: 422."""
    body: Any = core.load()
    part = body
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    before = core.file.saved
    assert_refused(core.save(body, If_Match='"1"'), 422, names=named)
    assert (core.file.saved, core.changes) == (before, 0)


@pytest.mark.parametrize(("collection", "field"), [("lines", "number"), ("users", "name")])
def test_what_stands_there_twice_is_named(core: CoreBench, collection: str, field: str) -> None:
    """CFG-8: the second of the two."""
    body = core.load()
    body[collection] = body[collection] * 2
    assert_refused(core.save(body, If_Match='"1"'), 422, names=f"$.{collection}[1].{field}")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'"\xed\xa0\x80"', b"[" * 30_000, b"NaN", b"null", b"[]", b'"\\ud800"']
)
def test_a_save_that_is_no_configuration_is_refused(core: CoreBench, body: bytes) -> None:
    """400 or 422, and nothing changes."""
    before = core.file.saved
    assert_refused(core.save(body, If_Match='"1"'), 400, 422)
    assert (core.file.saved, core.changes) == (before, 0)


def test_as_many_users_as_there_can_be_are_saved(core: CoreBench) -> None:
    """With the longest names and passwords, in the longest way of writing them."""
    users = [{"name": f"{number:064}", "password": "\U0001f4de" * 128} for number in range(5000)]
    body = json.dumps({**core.load(), "users": users}).encode()
    assert 8_000_000 < len(body) < MOST_BYTES
    assert core.save(body, If_Match='"1"').status_code == 200
    assert len(core.load()["users"]) == 5000


def test_an_over_long_or_mistyped_save_is_refused(core: CoreBench) -> None:
    """413 and 415."""
    assert_refused(core.save(json.dumps(core.load()).encode().ljust(MOST_BYTES + 1), If_Match='"1"'), 413)
    headers = {"If-Match": '"1"'}
    answer = ask(core.client, "PUT", PATH, data="{}", content_type="text/plain", auth=ADMINISTRATOR, headers=headers)
    assert_refused(answer, 415)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Basic \xe9",
        "Basic " + b64encode(b"Administrator").decode(),
        "Basic " + b64encode(b"Administrator:wrong").decode(),
        "Basic " + b64encode(b"nobody:administrator-password").decode(),
        "Basic " + b64encode(b"\xff\xfe:\xff").decode(),
        "Bearer administrator-password",
        "Digest username=Administrator",
    ],
)
def test_only_the_administrator_sees_or_saves_the_configuration(core: CoreBench, header: str | None) -> None:
    """401, with the way to log in."""
    headers = {} if header is None else {"Authorization": header}
    for method in ("GET", "PUT"):
        answer = ask(core.client, method, PATH, headers=headers, json={})
        assert_refused(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_a_save_that_the_disk_does_not_take_is_refused(core: CoreBench) -> None:
    """SYNC-8, for a core: 507, and what is in force stays."""
    before = core.file.saved
    (core.folder / "configuration.new").mkdir()
    assert_refused(core.save(core.load(), If_Match='"1"'), 507)
    assert (core.file.saved, core.changes) == (before, 0)
    assert ConfigurationFile(core.folder / "configuration.json", before.configuration).saved == before


def test_the_redirect_service_names_only_a_portal_that_serves(core: CoreBench) -> None:
    """REDIR-1, REDIR-8: none, then S, then P, which goes first; and any page may ask."""
    answer = ask(core.client, "GET", "/api/v1/redirect")
    assert answer.get_json() == {"portal": None}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    now = clock.monotonic_ms()
    for site, serving, expected in (
        (Site.PRIMARY, False, None),
        (Site.SECONDARY, True, "https://secondary.unit.test:9443/onexportal.html"),
        (Site.PRIMARY, True, "https://primary.unit.test:9443/onexportal.html"),
    ):
        core.board.hear(word(site, serving=serving), now)
        assert ask(core.client, "GET", "/api/v1/redirect").get_json() == {"portal": expected}
    core.board.forget(*Site)
    assert ask(core.client, "GET", "/api/v1/redirect").get_json() == {"portal": None}


def test_the_redirect_service_knows_a_server_without_host_domain_name_by_its_host_name(core: CoreBench) -> None:
    """CFG-12: an address must come out of it all the same."""
    said = word(Site.SECONDARY, serving=True)
    core.board.hear(replace(said, facts=replace(said.facts, host_domain_name="")), clock.monotonic_ms())
    url = ask(core.client, "GET", "/api/v1/redirect").get_json()["portal"]
    assert url == f"https://{core.installed.portals[Site.SECONDARY].hostname}:9443/onexportal.html"


@pytest.mark.parametrize("form", ["{0.hostname}", "{0.hostname}.", "{0.address}"])
def test_the_redirect_service_sends_nobody_back(core: CoreBench, form: str) -> None:
    """REDIR-8: S's Host Domain Name is P's own name or address, which would lead round in a circle."""
    name = form.format(core.installed.portals[Site.PRIMARY]).upper()
    said = word(Site.SECONDARY, serving=True)
    core.board.hear(replace(said, facts=replace(said.facts, host_domain_name=name)), clock.monotonic_ms())
    url = ask(core.client, "GET", "/api/v1/redirect").get_json()["portal"]
    assert url == f"https://{core.installed.portals[Site.SECONDARY].hostname}:9443/onexportal.html"


def clients(core: CoreBench) -> list[FlaskClient]:
    """Of the core and of the platform view."""
    app = view.build(core.installed, SignBoard(core.installed.timing, core.installed.services))
    app.test_client_class = WatchedClient
    return [core.client, app.test_client()]


def test_unknown_paths_and_wrong_methods_are_refused_in_json(core: CoreBench) -> None:
    """404 and 405, on every path there is."""
    for client in clients(core):
        for path in ("/nosuch", "/api//v1/services", "/%00", "/%ff", "/" + "x" * 5000, "/../etc/passwd"):
            assert_refused(ask(client, "GET", path), 404)
        for rule in client.application.url_map.iter_rules():
            for method in {"PATCH", "DELETE", "POST", "BREW"} - (rule.methods or set()):
                assert_refused(ask(client, method, str(rule.rule)), 405)


def test_a_platform_view_answers_while_nothing_else_runs(core: CoreBench) -> None:
    """VIEW-3: both services stopped, red."""
    client = clients(core)[1]
    services = ask(client, "GET", "/api/v1/services").get_json()["services"]
    assert {name: (each["state"], each["colour"]) for name, each in services.items()} == {
        "core": ("Stopped", "red"),
        "portal": ("Stopped", "red"),
    }
    assert ask(client, "GET", "/").status_code == 200


def test_a_platform_view_never_runs_what_a_service_says(core: CoreBench) -> None:
    """The detail is text of another process."""
    watch = SignBoard(core.installed.timing, core.installed.services)
    watch.hear("portal", Sign(service="portal", state="Available", detail="<script>alert(1)</script>"))
    page = ask(view.build(core.installed, watch).test_client(), "GET", "/").text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
