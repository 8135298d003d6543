"""Examines the machine: engine, kernel, subnets, images, left-overs, tools, room.

Leaves nothing behind: its one network is removed at once.
"""

from __future__ import annotations

import os
import shutil
import uuid
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import docker
import docker.errors

from testbed import environment, kernel, leftovers, runs
from testbed.engine import labels
from testbed.engine.images import list_images
from testbed.engine.subnets import create_network
from testbed.errors import BedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from testbed.leftovers import Found

LEAST_FREE_BYTES = 2 * 1024**3
"""Room that images and volumes need, in bytes."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked at.

    Attributes:
        check: what.
        ok: whether it is as it should be.
        needed: whether nothing works without it.
        detail: what was seen.
        remedy: how to get it.
    """

    check: str
    ok: bool
    needed: bool
    detail: str
    remedy: str = ""


def examine() -> tuple[Finding, ...]:
    """Look at everything, even when one look fails."""
    try:
        client = environment.engine()
    except BedError as error:
        return (Finding(check="engine", ok=False, needed=True, detail=str(error)), _room("/"))
    info = client.info()
    version = client.version()
    detail = f"{info['ServerVersion']}, API {version['ApiVersion']}, {info['OSType']}/{info['Architecture']}"
    return (
        Finding(check="engine", ok=True, needed=True, detail=detail),
        Finding(check="kernel", ok=info["OSType"] == "linux", needed=True, detail=str(info["KernelVersion"])),
        *of_kernel(environment.kernel_configuration(str(info["KernelVersion"]))),
        _subnet(client),
        _images(client),
        left_over(leftovers.find(client), is_alive=partial(runs.is_alive, environment.state_folder() / "runs")),
        _mmdebstrap(),
        _chromium(),
        _room(str(info["DockerRootDir"])),
    )


def _subnet(client: docker.DockerClient) -> Finding:
    run = uuid.uuid4().hex
    try:
        network = create_network(client.api, f"prt-doctor-{run[:8]}", labels={labels.RUN: run}, pool=environment.pool())
        client.api.remove_network(network.id)
    except (BedError, docker.errors.DockerException) as error:
        return Finding(check="subnets", ok=False, needed=True, detail=str(error), remedy="Set TESTBED_POOL.")
    return Finding(check="subnets", ok=True, needed=True, detail=f"{network.subnet} of {environment.pool()} is free")


def of_kernel(configuration: str | None) -> tuple[Finding, ...]:
    """What the engine's kernel can do, by the text that it was built with.

    Args:
        configuration: `None`: nobody knows, so that it shows when a fault asks for it. That is no reason to stop here.
    """
    if configuration is None:
        detail = "not known: no configuration in /proc or /boot, or the engine is on another machine"
        remedy = "A fault that the kernel cannot do says so, and names the option."
        return (Finding(check="kernel: options", ok=False, needed=False, detail=detail, remedy=remedy),)
    has = kernel.built_with(configuration)
    return tuple(
        Finding(
            check=need.check,
            ok=not lacks,
            needed=need.needed,
            detail=f"{need.serves}: {', '.join(need.options)}",
            remedy=f"A kernel with {', '.join(lacks)}." if lacks else "",
        )
        for need in kernel.NEEDS
        for lacks in [kernel.lacking(need, has)]
    )


def left_over(found: Iterable[Found], *, is_alive: Callable[[str], bool]) -> Finding:
    """Whether runs that ended badly left something in the engine.

    Args:
        found: all that is there of runs.
        is_alive: whether a run's process still works.
    """
    dead = sorted({one.name or one.run for one in found if not (one.keeps or is_alive(one.run))})
    return Finding(
        check="left-overs",
        ok=not dead,
        needed=False,
        detail=f"of {', '.join(dead)}" if dead else "none",
        remedy="testbed gc" if dead else "",
    )


def _images(client: docker.DockerClient) -> Finding:
    current = sorted(image.role for image in list_images(client) if image.current)
    ok = {"server", "core", "portal"} <= set(current)
    return Finding(
        check="images",
        ok=ok,
        needed=False,
        detail="current: " + (", ".join(current) or "none"),
        remedy="testbed images build (also done by itself when they are needed)",
    )


def _mmdebstrap() -> Finding:
    found = shutil.which("mmdebstrap")
    return Finding(
        check="mmdebstrap",
        ok=found is not None,
        needed=False,
        detail=found or "makes the images' base where no registry answers",
        remedy="apt-get install mmdebstrap",
    )


def _chromium() -> Finding:
    found = environment.chromium()
    return Finding(
        check="chromium",
        ok=found is not None,
        needed=False,
        detail=found or "needed by the browser tests only, which are skipped without it",
        remedy=f"make browser, or: {environment.CHROMIUM_BY_HAND}",
    )


def _room(path: str) -> Finding:
    place = path if os.access(path, os.R_OK) else "/"
    free = shutil.disk_usage(place).free
    return Finding(
        check="disk",
        ok=free >= LEAST_FREE_BYTES,
        needed=True,
        detail=f"{free / 1024**3:.1f} GiB free on {place}",
        remedy="Make room, or move the engine's data.",
    )
