"""The one way from data of others to values of ours: they fit their form, or there is one kind of error.

Nothing else calls msgspec to read (tests/tidy). It works a type out when it is first read, and two threads that do
that at once end the process with SIGSEGV (seen with 0.22, for structs and data classes): here only one thread does it.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {}
_MAKING = threading.Lock()


def decode(text: bytes | str, kind: type[T]) -> T:
    """Read one JSON document.

    Raises:
        msgspec.ValidationError: it is JSON, but not of this form; names the field.
        msgspec.DecodeError: it is not JSON that anybody can read.
    """
    try:
        return _decoder(kind).decode(text)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"not UTF-8: {error.reason}") from error
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deeply") from error


def decode_lines(text: bytes, kind: type[T]) -> list[T]:
    """Read JSON documents, one a line; much faster than line by line.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError, RecursionError: one of them cannot be read, whichever it is.
    """
    return _decoder(kind).decode_lines(text)


def convert(value: object, kind: type[T]) -> T:
    """Read what was read before as plain dicts, lists, texts and numbers.

    Raises:
        msgspec.ValidationError: it is not of this form; names the field.
    """
    _decoder(kind)  # from now on the type is worked out
    return msgspec.convert(value, kind)


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    known = _DECODERS.get(kind)
    if known is None:
        with _MAKING:
            known = _DECODERS.setdefault(kind, msgspec.json.Decoder(kind))
    return known
