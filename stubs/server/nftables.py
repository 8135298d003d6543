"""Changes the packet filter of this network namespace, by nft text or by ready messages. Knows no rules of its own.

Imports the standard library alone, to start fast.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from stubs.server.netfilter import Netfilter
from stubs.server.refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIBRARY = "libnftables.so.1"
_JSON_OUTPUT = 1 << 4  # NFT_CTX_OUTPUT_JSON of libnftables.h


class Nftables:
    """libnftables through ctypes: no process is started for a change."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(LIBRARY)
        except OSError as error:
            raise RefusedError("nft", f"this image lacks {LIBRARY}: {error}") from error
        declare(self._library)
        self._context = self._library.nft_ctx_new(0)
        if not self._context:
            raise RefusedError("nft", "libnftables gave no context")
        self._library.nft_ctx_buffer_output(self._context)
        self._library.nft_ctx_buffer_error(self._context)
        self._netfilter = Netfilter()

    def send(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Hand messages to the kernel as one transaction, past the library. Raises as `Netfilter.send`."""
        self._netfilter.send(messages)

    def run(self, text: str, *, as_json: bool = False) -> str:
        """Run the text as one transaction: all of it, or nothing.

        Raises:
            RefusedError: with nft's own words.
        """
        self._library.nft_ctx_output_set_flags(self._context, _JSON_OUTPUT if as_json else 0)
        failed = self._library.nft_run_cmd_from_buffer(self._context, text.encode())
        # Both buffers are read each time: reading is what empties them.
        output: bytes = self._library.nft_ctx_get_output_buffer(self._context)
        complaint: bytes = self._library.nft_ctx_get_error_buffer(self._context)
        if failed:
            raise RefusedError("nft", complaint.decode(errors="replace").strip() or "refused without a word")
        return output.decode(errors="replace")


def declare(library: ctypes.CDLL) -> None:
    """Tell ctypes the types: it would cut a pointer to 32 bits otherwise."""
    for name, result, arguments in (
        ("nft_ctx_new", ctypes.c_void_p, [ctypes.c_uint32]),
        ("nft_ctx_buffer_output", ctypes.c_int, [ctypes.c_void_p]),
        ("nft_ctx_buffer_error", ctypes.c_int, [ctypes.c_void_p]),
        ("nft_ctx_output_set_flags", None, [ctypes.c_void_p, ctypes.c_uint]),
        ("nft_run_cmd_from_buffer", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p]),
        ("nft_ctx_get_output_buffer", ctypes.c_char_p, [ctypes.c_void_p]),
        ("nft_ctx_get_error_buffer", ctypes.c_char_p, [ctypes.c_void_p]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
