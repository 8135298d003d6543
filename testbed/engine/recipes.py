"""What the images are made from: inputs, hashes, tags, contexts. Reads the project's files, nothing else.

An image's tag ends in a hash over all that goes into it, its parents included: a stale image has another tag
and is never used. How the debian layer came to be (see `testbed.engine.debian`) is no input, but a label.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "portal-resilience-testbed"
ROLE_LABEL = f"{NAME}.role"
ORIGIN_LABEL = f"{NAME}.origin"
MAKER_LABEL = f"{NAME}.maker"
"""On a container in which an image is made: the process that makes it (`testbed.owner`). Images take their container's
labels over and hand them on, so that it is there and empty on an image and on whatever runs from it."""

Role = Literal["debian", "base", "server", "core", "portal"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Parents before children."""

PROJECT = Path(__file__).resolve().parents[2]
"""Where `images` and `stubs` stand: the work tree, or the folder that the distribution is installed in."""

SETTINGS = "image.toml"
"""The file of an image's folder that says where its files go, what runs then, what containers are told."""

FILE_MTIME_S = 1_577_836_800
"""Modification time of every file that is put into an image (the first second of 2020)."""


@dataclass(frozen=True)
class Recipe:
    """One image to make.

    Attributes:
        role: what it is for.
        parent: the image that it is made from; only the debian layer has none.
        files: its inputs, by path.
        tag: repository and tag, `portal-resilience-testbed/<role>:<12 hex digits>`.
    """

    role: Role
    parent: Role | None
    files: Mapping[str, bytes]
    tag: str


def digest_of(files: Mapping[str, bytes], *also: str) -> str:
    """Hash paths and contents, in any order given, and further inputs; 64 hex digits."""
    whole = hashlib.sha256()
    parts = [part for path in sorted(files) for part in (path.encode(), files[path])]
    for part in [*parts, *(text.encode() for text in also)]:
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.hexdigest()


def recipe(role: Role, files: Mapping[str, bytes], *, parent: Recipe | None, also: str = "") -> Recipe:
    """Name an image after all that goes into it.

    Args:
        role: what the image is for.
        files: its inputs, by path in the build context.
        parent: what it is made from.
        also: further input, which is not a file.
    """
    digest = digest_of(files, role, also, parent.tag if parent else "")
    return Recipe(role, parent.role if parent else None, files, f"{NAME}/{role}:{digest[:12]}")


def read_recipes(project: Path = PROJECT, *, debian_also: str = "") -> dict[Role, Recipe]:
    """Read the inputs of all images, parents before children.

    Args:
        project: the folder that holds `images` and `stubs`.
        debian_also: what the debian layer depends on besides its files.

    Raises:
        OSError: the project's files are not there.
    """
    folder = project / "images"
    base_files = {name: (folder / "base" / name).read_bytes() for name in (SETTINGS, "requirements.txt")}
    debian_files = {
        "Dockerfile": (folder / "base" / "debian.Dockerfile").read_bytes(),
        "packages.txt": (folder / "base" / "packages.txt").read_bytes(),
    }
    stubs = read_package(project / "stubs")
    debian = recipe("debian", debian_files, parent=None, also=debian_also)
    base = recipe("base", base_files, parent=debian)
    recipes: dict[Role, Recipe] = {"debian": debian, "base": base}
    for role in ROLES[2:]:
        files = {SETTINGS: (folder / role / SETTINGS).read_bytes(), **stubs}
        recipes[role] = recipe(role, files, parent=base)
    return recipes


def read_package(package: Path) -> dict[str, bytes]:
    """Read a package's modules and pages, by path from its parent; no byte code, backups or hidden files."""
    found = {}
    for path in sorted(package.rglob("*")):
        inside = path.relative_to(package)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in inside.parts)
        if path.is_file() and not hidden and not path.name.endswith((".pyc", "~")):
            found[path.relative_to(package.parent).as_posix()] = path.read_bytes()
    return found


def names_in(listing: str) -> tuple[str, ...]:
    """Read a list of packages: one a line, `#` starts a comment."""
    lines = (line.partition("#")[0].strip() for line in listing.splitlines())
    return tuple(line for line in lines if line)


def context(files: Mapping[str, bytes]) -> bytes:
    """Pack a build context: a tar whose bytes depend on paths and contents alone."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(files):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mtime, entry.mode = len(files[path]), FILE_MTIME_S, 0o644
            tar.addfile(entry, io.BytesIO(files[path]))
    return packed.getvalue()
