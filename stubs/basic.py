"""HTTP Basic: how Manager and the platform view log the administrator in. Flask, no decisions."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from flask import request

from stubs.contract import Guard, Reply
from stubs.serving import Refusal

if TYPE_CHECKING:
    from stubs.installation import Login

ADMINISTRATOR = Guard(
    name="administrator_by_password",
    scheme={"type": "http", "scheme": "basic"},
    answers={401: Reply(codes=("invalid_credentials",), headers={"WWW-Authenticate": str})},
)
"""What `administrator` answers to who is none."""


def administrator(known: Login, *, realm: str) -> None:
    """Go on only if the administrator asks.

    Args:
        known: name and password.
        realm: what a browser says it wants the password for.

    Raises:
        Refusal: 401, with the way to log in.
    """
    try:
        sent = request.authorization
    except ValueError:  # no base64 at all; werkzeug takes only some of that for no log-in
        sent = None
    name = (sent.username if sent and sent.type == "basic" else None) or ""
    password = (sent.password if sent and sent.type == "basic" else None) or ""
    right = secrets.compare_digest(password.encode(), known.password.encode())
    if not (right and name == known.name):
        challenge = f'Basic realm="{realm}"'
        raise Refusal(401, "invalid_credentials", "Log in as the administrator.", WWW_Authenticate=challenge)
