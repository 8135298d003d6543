"""Examines the machine: engine, kernel, subnets, images, left-overs, tools, room.

Leaves nothing behind: what it tries is removed at once, or by a janitor if it is killed.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import docker
import docker.errors

from testbed import environment, kernel, runs
from testbed.cleaning import clean
from testbed.engine import labels
from testbed.engine.bare import bare_server
from testbed.engine.images import list_images
from testbed.engine.subnets import create_network, room
from testbed.errors import BedError
from testbed.network import kernel as faulting
from testbed.network.channel import Channel

if TYPE_CHECKING:
    from testbed.engine.sweep import Swept

OLDEST_ENGINE = (20, 10)
"""The oldest version of the engine that is known to do."""

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
    with runs.run(environment.state_folder() / "runs") as (run, _janitor):
        subnet, lacking = _subnet(client, run), _lacking(client, run)
    return (
        of_engine(str(version["Version"]), str(version["ApiVersion"]), detail=detail),
        Finding(check="kernel", ok=info["OSType"] == "linux", needed=True, detail=str(info["KernelVersion"])),
        *of_kernel(environment.kernel_configuration(str(info["KernelVersion"])), lacking=lacking),
        subnet,
        _images(client),
        left_over(clean(client, look_only=True)),
        _mmdebstrap(),
        of_browser("chromium", environment.chromium(), environment.CHROMIUM_BY_HAND),
        of_browser("firefox", environment.firefox(), environment.FIREFOX_BY_HAND),
        *map(_tool, environment.TOOLS),
        _room(str(info["DockerRootDir"])),
    )


def _subnet(client: docker.DockerClient, run: str) -> Finding:
    try:
        network = create_network(
            client.api, f"prt-doctor-{run[:8]}", labels=labels.of_run(run), pool=environment.pool()
        )
        client.api.remove_network(network.id)
    except (BedError, docker.errors.DockerException) as error:
        return Finding(check="subnets", ok=False, needed=True, detail=str(error), remedy="Set TESTBED_POOL.")
    free, every = room(client.api, environment.pool())
    detail = f"{free} of {every} in {environment.pool()} are free; {network.subnet} was tried"
    return Finding(check="subnets", ok=free > 0, needed=True, detail=detail, remedy="Set TESTBED_POOL.")


def of_engine(version: str, api: str, *, detail: str) -> Finding:
    """Whether the engine is new enough, by what it says of itself; one that does not say it in numbers is unknown.

    Args:
        version: of the engine.
        api: the newest version of its API.
        detail: what is shown of it.
    """
    found = [re.match(r"\d+\.\d+", text) for text in (version, api)]
    needed = f"Docker {_dotted(OLDEST_ENGINE)} or newer, API {_dotted(environment.OLDEST_API)}"
    if None in found:
        return Finding(check="engine", ok=False, needed=False, detail=f"{detail}: not known to do", remedy=needed)
    numbers = [tuple(map(int, one[0].split("."))) for one in found if one is not None]
    ok = numbers[0] >= OLDEST_ENGINE and numbers[1] >= environment.OLDEST_API
    return Finding(check="engine", ok=ok, needed=True, detail=detail, remedy="" if ok else f"{needed}.")


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _lacking(client: docker.DockerClient, run: str) -> frozenset[str] | None:
    """Options that faults need and that do not work in a server's own namespace; `None`: it cannot be tried."""
    servers = [image.tag for image in list_images(client) if image.role == "server" and image.current and image.tag]
    if not servers:
        return None
    try:
        with bare_server(client.api, servers[0], run=run) as container, Channel.open(client.api, container) as channel:
            return faulting.lacking(channel)
    except BedError:
        return None


def of_kernel(configuration: str | None, *, lacking: frozenset[str] | None = None) -> tuple[Finding, ...]:
    """What the engine's kernel can do: by trying, and by the text that it was built with.

    Args:
        configuration: `None`: nobody knows, so that it shows when a fault asks for it. That is no reason to stop here.
        lacking: options that were tried in vain, of those that faults need; `None`: nothing was tried. What was tried
            counts for more than what is written: a module may not be there.
    """
    written = frozenset() if configuration is None else kernel.built_with(configuration)
    tried = frozenset() if lacking is None else frozenset(faulting.OPTIONS)
    has = (written - tried) | (tried - (lacking or frozenset()))
    unknown = () if configuration is not None else tuple(need for need in kernel.NEEDS if not tried >= {*need.options})
    found = tuple(_of_need(need, has, tried) for need in kernel.NEEDS if need not in unknown)
    if not unknown:
        return found
    what = ", ".join(need.check.removeprefix("kernel: ") for need in unknown)
    detail = f"{what} not known: no configuration in /proc or /boot, or the engine is on another machine"
    remedy = "A fault that the kernel cannot do says so, and names the option."
    return (Finding(check="kernel: options", ok=False, needed=False, detail=detail, remedy=remedy), *found)


def _of_need(need: kernel.Need, has: frozenset[str], tried: frozenset[str]) -> Finding:
    lacks = kernel.lacking(need, has)
    how = "works, tried in a server" if tried >= {*need.options} and not lacks else ", ".join(need.options)
    return Finding(
        check=need.check,
        ok=not lacks,
        needed=need.needed,
        detail=f"{need.serves}: {how}",
        remedy=f"A kernel with {', '.join(lacks)}." if lacks else "",
    )


def left_over(swept: Swept) -> Finding:
    """Whether runs that ended badly left something: whatever `testbed gc` would remove.

    Args:
        swept: what it would, and what it could not find out.
    """
    found = [
        f"{len(names)} {kind if len(names) > 1 else kind.removesuffix('s')}"
        for kind, names in swept.found().items()
        if names
    ]
    return Finding(
        check="left-overs",
        ok=swept.found_nothing,
        needed=False,
        detail="; ".join([", ".join(found) or "none", *map(str, swept.failures)]),
        remedy="" if swept.found_nothing else "testbed gc; with --dry-run it only names them.",
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


def of_browser(name: str, found: str | None, by_hand: str) -> Finding:
    """Whether a browser is there.

    Args:
        name: of it.
        found: its path.
        by_hand: what to type to get it.
    """
    return Finding(
        check=name,
        ok=found is not None,
        needed=False,
        detail=found or "needed by the browser tests only, which are skipped without it",
        remedy=f"make browser, or: {by_hand}",
    )


def _tool(name: str) -> Finding:
    found = shutil.which(name)
    return Finding(
        check=name,
        ok=found is not None,
        needed=False,
        detail=found or "needed by some tests only, which are skipped without it",
        remedy=f"make browser, or: apt-get install {environment.TOOLS[name]}",
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
