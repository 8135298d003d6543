"""The administrator's log-in by HTTP Basic, for what is asked without a page. Flask, no decisions of its own."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from flask import request

from stubs.serving import Refusal

if TYPE_CHECKING:
    from stubs.installation import Login


def require_administrator(administrator: Login) -> None:
    """Refuse everybody else.

    Raises:
        Refusal: 401.
    """
    sent = request.authorization
    name = (sent.username if sent and sent.type == "basic" else None) or ""
    password = (sent.password if sent and sent.type == "basic" else None) or ""
    right = secrets.compare_digest(password.encode(), administrator.password.encode())
    if not (right and name == administrator.name):
        raise Refusal(
            401,
            "invalid_credentials",
            "Log in as the administrator.",
            WWW_Authenticate='Basic realm="IP Office"',
        )
