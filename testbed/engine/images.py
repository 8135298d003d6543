"""The images of the stubs: there when needed, made once, found again by tag, removed when superseded."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from docker.errors import APIError, ImageNotFound

from testbed.engine import debian
from testbed.engine.builder import assemble, engine_calls, read_settings
from testbed.engine.lock import alone
from testbed.engine.recipes import NAME, ORIGIN_LABEL, ROLE_LABEL, ROLES, SETTINGS, Recipe, Role, read_recipes
from testbed.engine.wheels import fetch_site
from testbed.errors import MissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import docker
    from docker.models.images import Image


@dataclass(frozen=True)
class ImageResult:
    """What became of one image.

    Attributes:
        role: what it is for.
        tag: repository and tag.
        built: made just now; else it was there.
        origin: how its debian layer was made, `registry` or `packages`.
        seconds: how long making it, or finding it, took, without its parents.
    """

    role: Role
    tag: str
    built: bool
    origin: str
    seconds: float


@dataclass(frozen=True)
class Images:
    """Tags to start containers from, and what was done for them (parents first; only what was looked at)."""

    server: str
    core: str
    portal: str
    results: tuple[ImageResult, ...]


@dataclass(frozen=True)
class ImageInfo:
    """One image of ours on the engine.

    Attributes:
        role: what it is for, as its label says.
        tag: repository and tag; nothing for one that lost its tag to a newer one.
        id: the engine's name for it.
        origin: how its debian layer was made, `registry` or `packages`.
        size_bytes: with all its layers, shared ones too.
        created: as the engine tells it, ISO 8601.
        current: made from the inputs as they are now.
    """

    role: str
    tag: str | None
    id: str
    origin: str
    size_bytes: int
    created: str
    current: bool


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Say where fetched libraries and the lock stay: `XDG_CACHE_HOME`, else `~/.cache`."""
    above = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME") or "~").expanduser() / ".cache")
    return Path(above) / NAME


def current_recipes() -> dict[Role, Recipe]:
    """Read what the images are made from now.

    Raises:
        MissingError: the installation lacks its `images` or `stubs`.
    """
    try:
        return read_recipes(debian_also=" ".join(debian.MMDEBSTRAP_OPTIONS))
    except OSError as gone:
        raise MissingError(f"this installation is incomplete, the images' sources are missing: {gone}") from gone


def ensure_images(
    client: docker.DockerClient,
    *,
    base: debian.Base = "auto",
    say: Callable[[str], None],
    cache: Path | None = None,
) -> Images:
    """Make what is missing of the images; with everything there, three look-ups and nothing else.

    Processes that ask at the same time take turns, and the later one finds the images made.

    Args:
        client: the engine.
        base: how to make the debian layer. A forced way that differs from that of the images present makes
            them anew; `auto` is content with either, and else takes a registry's image if a registry answers.
        say: told, in one line each, what takes time.
        cache: where fetched libraries and the lock stay; by default as `cache_folder` says.

    Raises:
        MissingError: no engine, no network where one is needed, or a tool is missing.
        EngineError: a build failed; the message has its last lines.
        NotInTimeError: another process's build did not end.
    """
    recipes = current_recipes()
    builder = _Builder(client, recipes, base, say, cache or cache_folder(os.environ))
    if not builder.all_there():
        with alone(builder.cache, say):
            builder.ensure_all()
    results = sorted(builder.results, key=lambda result: ROLES.index(result.role))
    return Images(recipes["server"].tag, recipes["core"].tag, recipes["portal"].tag, tuple(results))


def list_images(client: docker.DockerClient) -> tuple[ImageInfo, ...]:
    """List the images of ours on the engine, superseded ones too, parents first.

    Raises:
        MissingError: the engine does not answer.
        EngineError: it refused.
    """
    current = {recipe.tag for recipe in current_recipes().values()}
    with engine_calls("listing images"):
        images = client.images.list(filters={"label": ROLE_LABEL})
    return described(images, current)


def described(images: Iterable[Image], current: set[str]) -> tuple[ImageInfo, ...]:
    """Describe images of ours, one entry a tag, parents first."""
    found = [
        ImageInfo(
            role=image.labels.get(ROLE_LABEL, "unknown"),
            tag=tag,
            id=str(image.id),
            origin=image.labels.get(ORIGIN_LABEL, "unknown"),
            size_bytes=int(image.attrs.get("Size", 0)),
            created=str(image.attrs.get("Created", "")),
            current=tag in current,
        )
        for image in images
        for tag in _tags(image)
    ]
    order: dict[str, int] = {role: place for place, role in enumerate(ROLES)}
    return tuple(sorted(found, key=lambda info: (order.get(info.role, len(order)), not info.current, info.tag or "")))


def _tags(image: Image) -> list[str] | list[None]:
    return [tag for tag in image.tags if tag.startswith(f"{NAME}/")] or [None]


def prune(client: docker.DockerClient, *, say: Callable[[str], None]) -> tuple[str, ...]:
    """Remove images of ours that these inputs do not make; one that a container still uses stays.

    Another work tree's images are superseded in the eyes of this one, so nothing calls this by itself.

    Args:
        client: the engine.
        say: told each removal, one line each.

    Returns:
        Tags (or ids, where there is no tag) of what was removed.

    Raises:
        MissingError: the engine does not answer.
        EngineError: it refused.
    """
    removed = []
    # Children before parents.
    for info in reversed([info for info in list_images(client) if not info.current]):
        name = info.tag or info.id
        with engine_calls(f"removing the image {name}"):
            try:
                client.images.remove(name)
            except ImageNotFound:
                continue  # it went with its child, or another process was faster
            except APIError as refused:
                if refused.status_code != 409:  # noqa: PLR2004 - HTTP's word for "in use"
                    raise
                say(f"kept {name}: still in use")
                continue
        say(f"removed {name}")
        removed.append(name)
    return tuple(removed)


@dataclass
class _Builder:
    """One walk over the images, children asking for their parents."""

    client: docker.DockerClient
    recipes: Mapping[Role, Recipe]
    base: debian.Base
    say: Callable[[str], None]
    cache: Path
    results: list[ImageResult] = field(default_factory=list)

    def all_there(self) -> bool:
        """Look for what containers start from; keep the results only if all of it is there."""
        for role in ROLES[2:]:
            if self.found(role) is None:
                self.results.clear()
                return False
        return True

    def ensure_all(self) -> None:
        """Make what is missing: parents one by one, then what containers start from side by side."""
        missing = [role for role in ROLES[2:] if self.found(role) is None]
        if missing:
            self.ensure("base")
        # Most of the time goes into the engine's looking for differences: 8 s one by one, 4 s side by side.
        with ThreadPoolExecutor(len(ROLES)) as threads:
            list(threads.map(self.ensure, missing))

    def found(self, role: Role) -> str | None:
        """Look for one image, made in the wanted way; give its origin."""
        started = time.monotonic()
        tag = self.recipes[role].tag
        with engine_calls(f"looking for the image {tag}"):
            try:
                origin = str(self.client.images.get(tag).labels.get(ORIGIN_LABEL, "unknown"))
            except ImageNotFound:
                return None
        if self.base not in ("auto", origin):
            return None
        self.results.append(ImageResult(role, tag, built=False, origin=origin, seconds=time.monotonic() - started))
        return origin

    def ensure(self, role: Role) -> str:
        """Make one image, and before it what it is made from, unless it is there; give its origin."""
        done = next((result.origin for result in self.results if result.role == role), None) or self.found(role)
        if done:
            return done
        recipe = self.recipes[role]
        origin = self.ensure(recipe.parent) if recipe.parent else None
        started = time.monotonic()
        origin = self.make(recipe, origin)
        seconds = time.monotonic() - started
        self.say(f"built the image {role} in {seconds:.1f} s")
        self.results.append(ImageResult(role, recipe.tag, built=True, origin=origin, seconds=seconds))
        return origin

    def make(self, recipe: Recipe, origin: str | None) -> str:
        """Make one image whose parent is there; give its origin."""
        if recipe.parent is None or origin is None:
            choice = debian.choose(self.base, lambda: debian.registry_failure(self.client))
            self.say(choice.line)
            debian.make_debian(self.client, recipe, choice.way, architecture=self.architecture(), say=self.say)
            return choice.way
        settings = read_settings(recipe.files[SETTINGS])
        files = {path: data for path, data in recipe.files.items() if path.startswith("stubs/")}
        if recipe.role == "base":
            wheels = recipe.files["requirements.txt"]
            files = fetch_site(wheels, self.architecture(), cache=self.cache, say=self.say)
        parent = self.recipes[recipe.parent].tag
        assemble(self.client, recipe.role, settings, files, parent=parent, tag=recipe.tag, origin=origin)
        return origin

    def architecture(self) -> str:
        """Ask the engine for its architecture, in Debian's words: `amd64`, `arm64`."""
        with engine_calls("asking the engine for its version"):
            return str(self.client.version().get("Arch", "unknown"))
