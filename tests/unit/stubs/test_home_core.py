"""Personal contacts while cores come and go, and what the words of cores tell about the other portal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stubs.portal.cores import Cores
from stubs.wire import ServerName, Site
from tests.unit.stubs.portals import USERS, Bench, ask, core_word, word

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

CONTACTS = "/api/v1/contacts"
CONTACT = {"name": "Carol", "number": "1"}

ENDS: dict[str, Callable[[Bench, Site], None]] = {
    "good-bye": lambda bench, site: bench.portal.hear_core(site.server, core_word(site, farewell=True)),
    "lost": lambda bench, site: bench.portal.lose_core(site.server),
}
"""How a portal learns that a core is down; both count at once, before any role changes."""


def add(user: FlaskClient) -> str:
    """Add a contact; its path."""
    made = ask(user, "POST", CONTACTS, json=CONTACT)
    assert made.status_code == 201, made.text
    return f"{CONTACTS}/{made.get_json()['id']}"


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(("name", "home"), [(name, home) for name, _, home in USERS])
def test_contacts_are_kept_as_they_are_while_the_home_core_is_down(
    bench: Bench, name: str, home: Site, end: str
) -> None:
    """CONT-1, CONT-2, CONT-3: for its own users alone, and only until it is back, in the same session."""
    users = {each: bench.user(each) for each, _, _ in USERS}
    paths = {each: add(user) for each, user in users.items()}
    ENDS[end](bench, home)
    for each, user in users.items():
        for method, body in (("PUT", {**CONTACT, "number": "2"}), ("DELETE", None)):
            before = ask(user, "GET", CONTACTS).get_json()
            answer = ask(user, method, paths[each], json=body)
            if each == name:
                assert answer.status_code == 409
                assert answer.get_json()["error"] == "home_core_down"
                assert home.value in answer.get_json()["message"]
                assert ask(user, "GET", CONTACTS).get_json() == before
            else:
                assert answer.status_code in {200, 204}
        add(user)
    bench.portal.hear_core(home.server, core_word(home))
    assert ask(users[name], "PUT", paths[name], json={**CONTACT, "number": "3"}).status_code == 200
    assert ask(users[name], "DELETE", paths[name]).status_code == 204


@pytest.mark.parametrize("collection", ["settings", "meetings"])
def test_what_the_core_does_not_keep_can_be_changed_without_it(bench: Bench, collection: str) -> None:
    """CONT-1 is about contacts only."""
    bodies = {
        "settings": {"key": "ringtone", "value": "bell"},
        "meetings": {"title": "Review", "starts_at": "2030-01-01T10:00:00Z"},
    }
    user, path = bench.user("bob"), f"/api/v1/{collection}"
    item = ask(user, "POST", path, json=bodies[collection]).get_json()["id"]
    bench.portal.lose_core(ServerName.SECONDARY)
    assert ask(user, "PUT", f"{path}/{item}", json=bodies[collection]).status_code == 200
    assert ask(user, "DELETE", f"{path}/{item}").status_code == 204


def test_a_user_without_a_known_home_is_as_one_whose_core_is_down(bench: Bench) -> None:
    """Somebody whom no core names any more."""
    user = bench.user("alice")
    path = add(user)
    bench.store.accounts.learn(ServerName.PRIMARY, {})
    answer = ask(user, "DELETE", path)
    assert (answer.status_code, answer.get_json()["error"]) == (409, "home_core_down")


def test_a_core_is_up_from_its_first_word_to_its_last() -> None:
    """Whatever its name, and whatever becomes of others."""
    cores = Cores()
    seen = [cores.is_up("expansion")]
    cores.hear("expansion", core_word(Site.SECONDARY))
    seen.append(cores.is_up("expansion"))
    cores.lose("primary")
    seen.append(cores.is_up("expansion"))
    cores.hear("expansion", core_word(Site.SECONDARY, farewell=True))
    seen.append(cores.is_up("expansion"))
    cores.lose("expansion")
    assert seen == [False, True, True, False]


@pytest.mark.parametrize(
    ("portals", "idle"),
    [
        ((), True),
        ((word(Site.PRIMARY, willing=True),), True),
        ((word(Site.SECONDARY, serving=True),), True),
        ((word(Site.PRIMARY, serving=True),), False),
        ((word(Site.SECONDARY), word(Site.PRIMARY, serving=True)), False),
    ],
)
def test_a_core_tells_that_its_portal_does_not_serve(portals: tuple[object, ...], idle: bool) -> None:  # noqa: FBT001 - a row of the table above
    """MEET-2: by what it says and by what it leaves out; a core that is gone tells nothing (MEET-4)."""
    cores = Cores()
    assert not cores.knows_idle("primary", Site.PRIMARY)
    cores.hear("primary", replace(core_word(Site.PRIMARY), portals=portals))  # type: ignore[arg-type]
    assert cores.knows_idle("primary", Site.PRIMARY) is idle
    cores.lose("primary")
    assert not cores.knows_idle("primary", Site.PRIMARY)


def test_the_other_portals_own_word_comes_before_its_cores(passive: Bench) -> None:
    """MEET-2, MEET-4: it serves, whatever the core has not heard yet; it does not, whatever the core still believes."""
    passive.portal.hear_core(ServerName.PRIMARY, core_word(Site.PRIMARY))
    assert not passive.portal.knows_other_idle()
    passive.portal.hear_peer(word(Site.PRIMARY, willing=True))
    passive.portal.catch_up()
    assert passive.portal.knows_other_idle()
