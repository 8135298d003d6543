"""The one way in for JSON of others: it fits its form, or there is one kind of error. Pure."""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")


def decode(text: bytes, kind: type[T]) -> T:
    """Read one JSON document.

    Raises:
        msgspec.ValidationError: it is JSON, but not of this form; names the field.
        msgspec.DecodeError: it is not JSON that anybody can read.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"not UTF-8: {error.reason}") from error
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deeply") from error
