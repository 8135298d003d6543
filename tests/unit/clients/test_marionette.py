"""What is spoken with Firefox, against one that is played: frames, answers, refusals, and a Firefox that is gone."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from testbed.clients.firefox import FirefoxPage
from testbed.clients.marionette import CommandError, Marionette
from testbed.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def frame(value: object) -> bytes:
    """A message as it is sent."""
    body = json.dumps(value).encode()
    return str(len(body)).encode() + b":" + body


GREETING = frame({"applicationType": "gecko", "marionetteProtocol": 3})


def heard(file: Any) -> Any:
    """The next message; `None` at the end."""
    length = b""
    while (byte := file.read(1)) not in {b":", b""}:
        length += byte
    return json.loads(file.read(int(length))) if length else None


@contextlib.contextmanager
def played(answer: Callable[[Any], bytes], *, greeting: bytes = GREETING, once: bool = False) -> Iterator[int]:
    """A Firefox that answers each command so, or one and then ends the connection. Yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def play() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as file:
                connection.sendall(greeting)
                while greeting == GREETING and (command := heard(file)) is not None:
                    connection.sendall(answer(command))
                    if once:
                        return

        thread = threading.Thread(target=play)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join()


def failing(code: str) -> Callable[[Any], bytes]:
    """Every command is refused so."""
    return lambda command: frame([1, command[1], {"error": code, "message": "why\nat line 1"}, None])


def test_a_command_has_its_answer() -> None:
    """Whatever is longer than a packet, and in whatever script; a value in a result is the answer."""
    long = "ü" * 100_000
    with (
        played(lambda command: frame([1, command[1], None, {"value": command[2:]}])) as port,
        Marionette(port) as browser,
    ):
        assert browser.call("Echo", text=long) == ["Echo", {"text": long}]
        assert browser.call("Again") == ["Again", {}]


def test_a_refusal_says_what_was_asked_and_why() -> None:
    """In one line, with the word for machines."""
    with played(failing("no such element")) as port, Marionette(port) as browser:
        with pytest.raises(CommandError, match=r"asked for Find: no such element: why$") as caught:
            browser.call("Find")
        assert caught.value.code == "no such element"


@pytest.mark.parametrize("said", [b"", b"12:[1,", b"many:[]", b"3:abc"])
def test_a_firefox_that_is_gone_or_mad_is_said(said: bytes) -> None:
    """Before it answered, in the middle of it, or with what is no message."""
    with (
        played(lambda _command: said, once=True) as port,
        Marionette(port) as browser,
        pytest.raises(EngineError, match=r"answer.* Find"),
    ):
        browser.call("Find")


def test_an_answer_to_something_else_is_none() -> None:
    """Whoever took it for one would see what was there before."""
    with (
        played(lambda command: frame([1, command[1] + 1, None, {"value": 1}])) as port,
        Marionette(port) as browser,
        pytest.raises(EngineError, match="answered command 2 instead of Find"),
    ):
        browser.call("Find")


def test_what_does_not_greet_is_no_firefox() -> None:
    """Nor is a port at which nobody listens."""
    with played(lambda _command: b"", greeting=b"SSH-2.0") as port, pytest.raises(EngineError, match="a greeting"):
        Marionette(port)
    with pytest.raises(EngineError, match=f"does not answer at port {port}"):
        Marionette(port)


def test_a_page_on_its_way_is_no_page_and_a_closed_one_an_error() -> None:
    """Between two documents a script fails; once the window is gone nothing will come."""
    with played(failing("javascript error")) as port, Marionette(port) as browser:
        assert FirefoxPage(browser).look() is None
    with (
        played(failing("no such window")) as port,
        Marionette(port) as browser,
        pytest.raises(CommandError, match="no such window"),
    ):
        FirefoxPage(browser).look()
