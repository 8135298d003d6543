"""What is asked of the far ends of channels, as requests. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.network import elements, nft, tc

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from testbed.network.blocks import Block
    from testbed.network.channel import Answer, Request


def blocking(blocks: Collection[Block], lease_ms: int | None) -> Request:
    """Block these: as messages where they can be made ready, and as text for a kernel that refuses those."""
    request = {"do": "nft", "text": nft.block(blocks, lease_ms=lease_ms)}
    return request | ({"messages": elements.block(blocks, lease_ms=lease_ms)} if elements.are_plain(blocks) else {})


def unblocking(blocks: Collection[Block]) -> Request:
    """Undo these."""
    request = {"do": "nft", "text": nft.unblock(blocks)}
    return request | ({"messages": elements.unblock(blocks)} if elements.are_plain(blocks) else {})


def transactions(texts: Mapping[str, str]) -> dict[str, Request]:
    """Run a text at each server."""
    return {name: {"do": "nft", "text": text} for name, text in texts.items()}


def route(messages: list[tc.Message]) -> Request:
    """Hand these to the kernel's traffic control."""
    return {"do": "route", "device": tc.DEVICE, "messages": messages}


def stamps(done: Mapping[str, Answer]) -> dict[str, float]:
    """When each server had it."""
    return {name: answer["at_ms"] for name, answer in done.items()}
