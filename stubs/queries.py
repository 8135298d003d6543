"""The query of a request: what may be asked with and nothing else, as a mistyped parameter must not pass unseen."""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import request

from stubs.serving import Refusal

MOST_DIGITS = 18
"""Of a number in a query; whatever has no more fits everywhere."""

Number = Annotated[str, msgspec.Meta(pattern=rf"^[0-9]{{1,{MOST_DIGITS}}}\Z")]
"""A number as a query has it."""


def query(**defaults: str) -> dict[str, str]:
    """What is asked with.

    Args:
        defaults: every parameter that is known, with the value that counts where it is not given.

    Raises:
        Refusal: 400 for a parameter that is not known or is given twice.
    """
    for name, values in request.args.lists():
        if name not in defaults:
            raise Refusal(
                400, "bad_request", f"There is no parameter {name[:50]!r}; there is {' and '.join(defaults)}."
            )
        if len(values) > 1:
            raise Refusal(400, "bad_request", f"{name} is given {len(values)} times.")
    return defaults | request.args.to_dict()


def number(name: str, text: str) -> int:
    """The value of a parameter that is a number, 0 or more.

    Raises:
        Refusal: 400, it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise Refusal(400, "bad_request", f"{name} is a number, 0 or more, of {MOST_DIGITS} digits at most.")
    return int(text)
