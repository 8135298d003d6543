"""What a client's history tells of its requests, and what it never does."""

from __future__ import annotations

from dataclasses import replace

from testbed.clients.exchange import Answer, Standing, Verdict
from testbed.clients.told import described, mark, named

SERVICE = "https://primary.test:50804/api/v1/redirect"


def answer(body: object) -> Answer:
    """A proper answer."""
    return Answer(status=200, headers={}, json=body)


def test_an_answer_tells_over_which_certificate_it_came() -> None:
    """So that one that was replaced is seen without another examination; where nobody looked, nothing is told of it."""
    verdict = Verdict(standing=Standing.EXCEPTION, fingerprint="f")
    told = described(replace(answer({}), verdict=verdict))
    assert (told["standing"], told["fingerprint"]) == ("exception", "f")
    assert described(answer({})).keys() == {"status", "location", "error"}


def test_a_session_is_told_by_a_mark_that_opens_nothing() -> None:
    """The same for the cookie that is sent and for the line that set it; short, and never the cookie itself."""
    sent, came = mark(["onex_session=secret"]), mark(["other=1; Path=/", "onex_session=secret; Secure; HttpOnly"])
    assert sent == came
    assert sent is not None
    assert len(sent) == 12
    assert "secret" not in sent
    assert mark(["onex_session=another"]) != sent


def test_without_a_session_there_is_no_mark() -> None:
    """No cookie, another one, or one that ends it."""
    assert [mark(lines) for lines in ([], [""], ["other=1"], ['onex_session=""; Max-Age=0'])] == [None] * 4


def test_only_the_redirect_service_names_a_portal() -> None:
    """Or nobody; any other answer with such a field says nothing of it."""
    assert named(SERVICE, answer({"portal": "https://s/"})) == {"names": "https://s/"}
    assert named(SERVICE, answer({"portal": None})) == {"names": None}
    assert named("https://primary.test:9443/api/v1/session", answer({"portal": "https://s/"})) == {}
    assert named(SERVICE, answer(["portal"])) == {}
