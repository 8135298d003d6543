"""The core's services on HTTPS 50804: configuration, status, and the redirect service. Flask, no decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, Response, request

from stubs import basic, clock, openapi
from stubs.basic import administrator
from stubs.contract import documented
from stubs.core import answers
from stubs.core.configuration import MOST_BYTES, Configuration, InvalidError, check
from stubs.core.versioned import ConfigurationFile, StaleError
from stubs.ports import PORTAL_HTTPS
from stubs.serving import Refusal, answer, make_app, read_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from stubs.core.board import Board
    from stubs.core.versioned import Saved
    from stubs.installation import Installation


def build(installation: Installation, file: ConfigurationFile, board: Board, changed: Callable[[], None]) -> Flask:
    """The application of one core.

    Args:
        installation: who it is.
        file: its configuration.
        board: what it knows of the portals.
        changed: called after a configuration was saved.
    """
    app = make_app(__name__)
    openapi.publish(app, title="Stub of an IP Office", about="Configuration, status, and the redirect service.")

    @app.get("/api/v1/redirect")
    @documented("Which portal serves now.", answers={200: answers.REDIRECT})
    def redirect() -> Response:
        """Which portal serves now (invented service): REDIR-1, and never one that does not serve (REDIR-8)."""
        serving = board.serving(installation.half, clock.monotonic_ms())
        url = None
        if serving is not None:
            host = installation.portal_host(serving.site, serving.facts.host_domain_name)
            url = f"https://{host}:{PORTAL_HTTPS}/onexportal.html"
        # A page of the portal asks from another origin; what it learns is no secret.
        return answer({"portal": url}, Access_Control_Allow_Origin="*")

    @app.get("/api/v1/status")
    @documented("Which portals this core knows now.", answers={200: answers.Status})
    def status() -> Response:
        """Which portals this core knows now."""
        words = board.fresh(clock.monotonic_ms())
        portals = {word.site.value: {"serving": word.serving} for word in words}
        return answer({"server": installation.server, "core": "running", "portals": portals})

    _add_configuration(app, installation, file, changed)
    return app


def _add_configuration(
    app: Flask, installation: Installation, file: ConfigurationFile, changed: Callable[[], None]
) -> None:
    @app.get("/api/v1/configuration")
    @documented("Load the configuration.", guards=(basic.ADMINISTRATOR,), answers={200: answers.LOADED})
    def load() -> Response:
        """The configuration with its version as ETag (CFG-8)."""
        administrator(installation.administrator, realm="IP Office")
        return _loaded(file.saved)

    @app.put("/api/v1/configuration")
    @documented(
        "Save the configuration that was loaded and edited.",
        guards=(basic.ADMINISTRATOR,),
        headers={"If-Match": answers.Version},
        body=Configuration,
        answers={200: answers.SAVED, 412: "stale", 428: "precondition_required", 507: "not_stored"},
    )
    def save() -> Response:
        """Save what was loaded and edited (CFG-8): 428 without If-Match, 412 if stale, 422 if invalid."""
        administrator(installation.administrator, realm="IP Office")
        loaded = _loaded_version()
        configuration = read_body(Configuration, most=MOST_BYTES)
        try:
            check(configuration, installation.server)
            saved = file.save(configuration, loaded=loaded)
        except InvalidError as error:
            raise Refusal(422, "invalid_body", str(error)) from error
        except StaleError as error:
            raise Refusal(412, "stale", f"If-Match: {error}: load it again.") from error
        except OSError as error:
            raise Refusal(507, "not_stored", "The core's disk did not take it; nothing has changed.") from error
        changed()
        return _loaded(saved)


def _loaded(saved: Saved) -> Response:
    return answer(saved.configuration, ETag=f'"{saved.version}"')


def _loaded_version() -> int:
    header = request.headers.get("If-Match")
    if header is None:
        raise Refusal(428, "precondition_required", "Send If-Match with the ETag of the configuration loaded.")
    text = header.removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit() and len(text) < 18):  # noqa: PLR2004 - fits any integer of ours
        raise Refusal(412, "stale", "If-Match is not an ETag of this configuration: load it again.")
    return int(text)
