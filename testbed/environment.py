"""The edge: what is read from the environment of this process, and the connection to the engine. Nothing else reads it.

TESTBED_BASE      how the images' base is made: auto, registry or packages
TESTBED_POOL      where subnets are taken from, e.g. 10.213.0.0/16
TESTBED_CHROMIUM  the browser of the browser tests, where it is not the program `chromium`
TESTBED_FIREFOX   the other one, where it is not the program `firefox-esr`
DOCKER_HOST       and the engine's other variables, as everywhere
"""

from __future__ import annotations

import gzip
import os
import shutil
from ipaddress import IPv4Network
from pathlib import Path

import docker
import docker.errors
import requests

from testbed.engine.debian import Base, base_named
from testbed.engine.subnets import POOL
from testbed.errors import MissingError, MisuseError

CHROMIUM_BY_HAND = "apt-get install --no-install-recommends chromium fonts-liberation"
FIREFOX_BY_HAND = "apt-get install --no-install-recommends firefox-esr fonts-liberation"

OLDEST_API = (1, 41)
"""The oldest engine API that is tried."""

TOOLS = {"certutil": "libnss3-tools", "curl": "curl", "wget": "wget"}
"""Programs that tests with real clients need, each with its Debian package."""


def state_folder() -> Path:
    """Where certificates and locks of this user's topologies lie."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "portal-resilience-testbed"


def beds_folder() -> Path:
    """Where every topology has a folder of its name."""
    return state_folder() / "beds"


def bed_folder(name: str) -> Path:
    """Where the certificates of one topology lie."""
    return beds_folder() / name


def pool() -> IPv4Network:
    """Where subnets are taken from.

    Raises:
        MisuseError: TESTBED_POOL is no IPv4 network.
    """
    text = os.environ.get("TESTBED_POOL")
    if not text:
        return POOL
    try:
        return IPv4Network(text)
    except ValueError as error:
        raise MisuseError(f"TESTBED_POOL={text}: {error}") from error


def base() -> Base:
    """How the images' base is made.

    Raises:
        MisuseError: TESTBED_BASE is none of the ways.
    """
    try:
        return base_named(os.environ.get("TESTBED_BASE"))
    except MisuseError as error:
        raise MisuseError(f"TESTBED_BASE: {error}") from error


def chromium() -> str | None:
    """The path of Chromium, if there is one."""
    return shutil.which(os.environ.get("TESTBED_CHROMIUM") or "chromium")


def firefox() -> str | None:
    """The path of Firefox, if there is one."""
    return shutil.which(os.environ.get("TESTBED_FIREFOX") or "firefox-esr")


def kernel_configuration(release: str) -> str | None:
    """The text that the kernel of this machine was built with, if it is of this release and tells."""
    if os.uname().release != release:  # the engine is on another machine
        return None
    try:
        return gzip.decompress(Path("/proc/config.gz").read_bytes()).decode()
    except OSError:
        pass
    try:
        return Path(f"/boot/config-{release}").read_text(encoding="utf-8")
    except OSError:
        return None


def needed_chromium() -> str:
    """The path of Chromium.

    Raises:
        MissingError: there is none; says how to get it.
    """
    return _needed("Chromium", chromium(), CHROMIUM_BY_HAND)


def needed_firefox() -> str:
    """The path of Firefox.

    Raises:
        MissingError: there is none; says how to get it.
    """
    return _needed("Firefox", firefox(), FIREFOX_BY_HAND)


def _needed(name: str, found: str | None, by_hand: str) -> str:
    if found is None:
        raise MissingError(f"{name} is missing; on Debian, as root: {by_hand}")
    return found


def engine() -> docker.DockerClient:
    """Connect to the container engine.

    Raises:
        MissingError: none answers, or it is too old; says what to do.
    """
    try:
        client = docker.from_env(timeout=60)
        version = str(client.version()["ApiVersion"])
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise MissingError(
            "no container engine answers: start one (on Debian: apt-get install docker.io), or let DOCKER_HOST name it"
            f" ({type(error).__name__})"
        ) from error
    if tuple(int(part) for part in version.split(".")) < OLDEST_API:
        raise MissingError(f"the engine speaks API {version}; at least {OLDEST_API[0]}.{OLDEST_API[1]} is needed")
    return client
