"""Plain cuts as messages to the kernel's packet filter, beside `testbed.network.nft`'s text. Pure: values to bytes.

A cut that drops is one element of one map. To add it, or to take it away, needs no knowledge of what else is there, so
libnftables' look at all of that can be left out: it takes most of the time of a change. What these do not cover goes
the long way; so does what the kernel refuses, and then the text says what is to become of it.

The layout of the messages is that of linux/netfilter/nf_tables.h; nft 1.0.6 sends the same attributes.
"""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, Any

from testbed.network import nft
from testbed.network.blocks import Source, SourcePort
from testbed.partitions import Manner

if TYPE_CHECKING:
    from collections.abc import Collection

    from testbed.network.blocks import Block

Message = dict[str, Any]

_NEW_ELEMENTS, _DELETE_ELEMENTS = 12, 14  # NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM
_ONLY_NEW, _CREATE = 0x200, 0x400  # NLM_F_EXCL, NLM_F_CREATE
_TABLE, _SET, _ELEMENTS = 1, 2, 3  # NFTA_SET_ELEM_LIST_…
_ELEMENT = 1  # NFTA_LIST_ELEM
_KEY, _DATA, _TIMEOUT = 1, 2, 4  # NFTA_SET_ELEM_…
_VALUE, _VERDICT, _CODE = 1, 2, 1  # NFTA_DATA_VALUE, NFTA_DATA_VERDICT, NFTA_VERDICT_CODE
_NESTED = 0x8000
_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17}


def are_plain(blocks: Collection[Block]) -> bool:
    """Whether all of these can be told by messages."""
    return all(isinstance(one, Source | SourcePort) and one.manner is Manner.DROP for one in blocks)


def block(blocks: Collection[Block], *, lease_ms: int | None = None) -> list[Message]:
    """Block these, none of which is blocked; plain ones alone.

    Args:
        blocks: what to block; not empty.
        lease_ms: milliseconds after which the kernel undoes it by itself; None: it stays until undone.
    """

    def of(keys: list[bytes]) -> list[bytes]:
        return [_element(key, dropped=True, lease_ms=lease_ms) for key in keys]

    return [_message(_NEW_ELEMENTS, _CREATE | _ONLY_NEW, where, of(keys)) for where, keys in _keys(blocks)]


def unblock(blocks: Collection[Block]) -> list[Message]:
    """Undo these, none of which is blocked in another manner; plain ones alone. One that is not in force is no error.

    The kernel does not look at the manner of what it is to delete, but at that of what it is to add.
    """
    messages = []
    for where, keys in _keys(blocks):
        messages += [
            _message(_NEW_ELEMENTS, _CREATE, where, [_element(key, dropped=True) for key in keys]),
            _message(_DELETE_ELEMENTS, 0, where, [_element(key, dropped=False) for key in keys]),
        ]
    return messages


def _keys(blocks: Collection[Block]) -> list[tuple[str, list[bytes]]]:
    """The keys of these, by map; the parts of one are padded to four bytes each."""
    found: dict[str, list[bytes]] = {}
    for one in sorted(blocks, key=repr):
        match one:
            case Source(address):
                found.setdefault(nft.CUT_SOURCES, []).append(address.packed)
            case SourcePort(address, protocol, None):
                key = address.packed + struct.pack("!Bxxx", _PROTOCOLS[protocol])
                found.setdefault(nft.CUT_PROTOCOLS, []).append(key)
            case SourcePort(address, protocol, port):
                key = address.packed + struct.pack("!BxxxHxx", _PROTOCOLS[protocol], port)
                found.setdefault(nft.CUT_PORTS, []).append(key)
            case _:
                raise ValueError(f"not a plain cut: {one}")
    return sorted(found.items())


def _element(key: bytes, *, dropped: bool, lease_ms: int | None = None) -> bytes:
    content = b"" if lease_ms is None else _attribute(_TIMEOUT, struct.pack("!Q", nft.checked_lease(lease_ms)))
    content += _nested(_KEY, _attribute(_VALUE, key))
    if dropped:  # NF_DROP is 0
        content += _nested(_DATA, _nested(_VERDICT, _attribute(_CODE, bytes(4))))
    return _nested(_ELEMENT, content)


def _message(kind: int, flags: int, where: str, elements: list[bytes]) -> Message:
    names = _attribute(_TABLE, nft.TABLE_NAME.encode() + b"\0") + _attribute(_SET, where.encode() + b"\0")
    content = names + _nested(_ELEMENTS, b"".join(elements))
    return {"type": kind, "flags": flags, "attributes": base64.b64encode(content).decode()}


def _nested(kind: int, content: bytes) -> bytes:
    return _attribute(kind | _NESTED, content)


def _attribute(kind: int, content: bytes) -> bytes:
    padding = -len(content) % 4
    return struct.pack("=HH", 4 + len(content), kind) + content + bytes(padding)
