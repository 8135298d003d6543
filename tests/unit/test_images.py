"""What the images are made from, and how: everything about them that needs no engine."""

from __future__ import annotations

import io
import re
import shutil
import tarfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from docker.errors import APIError, ImageNotFound, NotFound
from requests import ConnectionError as EngineGoneError
from requests import Response

from testbed.engine import builder, debian, images, recipes, wheels
from testbed.errors import EngineError, MissingError, MisuseError

if TYPE_CHECKING:
    from collections.abc import Callable

    import docker

DEBIAN = {"ID": "debian"}


def tags(project: Path) -> dict[str, str]:
    """Give the tags of a project's images."""
    return {role: made.tag for role, made in recipes.read_recipes(project).items()}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a copy of the project's inputs to change."""
    for folder in ("images", "stubs"):
        shutil.copytree(recipes.PROJECT / folder, tmp_path / folder)
    return tmp_path


class Engine:
    """Stands in for an engine that has the images of some tags, and a registry or none."""

    def __init__(self, present: dict[str, dict[str, str]], registry: Callable[[], None] | None = None) -> None:
        self.images = self
        self.present = present
        self.registry = registry
        self.looks = 0

    def get(self, tag: str) -> Any:
        """Answer a look-up as the engine's library does."""
        self.looks += 1
        if tag not in self.present:
            raise ImageNotFound(tag)
        return type("Image", (), {"labels": self.present[tag]})()

    def get_registry_data(self, _name: str) -> None:
        """Answer as a registry would through the engine."""
        if self.registry:
            self.registry()

    def as_client(self) -> docker.DockerClient:
        """Pass for the real one."""
        return cast("docker.DockerClient", self)


def raising(error: Exception) -> Callable[[], None]:
    """Make something that fails."""

    def fail() -> None:
        raise error

    return fail


def test_tags_are_the_same_for_the_same_inputs(project: Path) -> None:
    """Nothing but inputs goes into a tag: not where the project stands, nor when its files were touched."""
    (project / "stubs" / "__init__.py").touch()
    assert tags(project) == tags(recipes.PROJECT)


def test_tags_name_role_and_hash(project: Path) -> None:
    """The form that others look for."""
    for role, tag in tags(project).items():
        assert re.fullmatch(rf"portal-resilience-testbed/{role}:[0-9a-f]{{12}}", tag)


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ("images/base/packages.txt", {"debian", "base", "server", "core", "portal"}),
        ("images/base/debian.Dockerfile", {"debian", "base", "server", "core", "portal"}),
        ("images/base/requirements.txt", {"base", "server", "core", "portal"}),
        ("images/base/image.toml", {"base", "server", "core", "portal"}),
        ("images/core/image.toml", {"core"}),
        ("stubs/ports.py", {"server", "core", "portal"}),
        ("stubs/portal/new.html", {"server", "core", "portal"}),
    ],
)
def test_a_changed_input_makes_exactly_what_depends_on_it_stale(project: Path, changed: str, stale: set[str]) -> None:
    """A stale image is never used, and nothing is made again without need."""
    before = tags(project)
    with (project / changed).open("a") as file:
        file.write("# changed\n")
    after = tags(project)
    assert {role for role in after if after[role] != before[role]} == stale


def test_byte_code_and_hidden_files_are_no_input(project: Path) -> None:
    """A test run in the work tree makes no image stale."""
    before = tags(project)
    for litter in ("stubs/__pycache__/a.cpython-311.pyc", "stubs/.b.swp", "stubs/c.py~"):
        (project / litter).parent.mkdir(exist_ok=True)
        (project / litter).write_text("litter")
    assert tags(project) == before


def test_the_hash_tells_paths_from_contents() -> None:
    """Moving bytes between a name and a file, or between files, changes the hash."""
    hashes = {recipes.digest_of(files) for files in ({"a": b"bc"}, {"ab": b"c"}, {"a": b"b", "c": b""})}
    assert len(hashes) == 3


def test_a_context_depends_on_paths_and_contents_alone() -> None:
    """So the engine's own cache works too."""
    packed = recipes.context({"b": b"2", "a/x": b"1"})
    assert packed == recipes.context({"a/x": b"1", "b": b"2"})
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert [(entry.name, entry.uid, entry.mtime) for entry in tar] == [
            ("a/x", 0, recipes.FILE_MTIME_S),
            ("b", 0, recipes.FILE_MTIME_S),
        ]


def test_every_image_has_settings_that_can_be_read() -> None:
    """The folders' `image.toml` are right, and containers run as nobody in particular."""
    for role, made in recipes.read_recipes().items():
        if role != "debian":
            settings = builder.read_settings(made.files[recipes.SETTINGS])
            assert "USER 10001:10001" in settings.config


def test_wrong_settings_are_refused_by_name() -> None:
    """A slip in an `image.toml` is one clear line."""
    with pytest.raises(MisuseError, match=r"image\.toml.*missing required field `run`"):
        builder.read_settings(b'put = "/"')


def test_the_images_libraries_are_pinned_as_in_development() -> None:
    """What the types were checked against is what runs; hashes stand for every pin."""
    pins = re.compile(r"^(\S+)==(\S+) \\$", re.MULTILINE)
    lock = dict(pins.findall((recipes.PROJECT / ".requirements.lock").read_text()))
    listing = (recipes.PROJECT / "images/base/requirements.txt").read_text()
    used = dict(pins.findall(listing))
    assert {"flask", "cheroot", "msgspec"} <= set(used)
    assert used.items() <= lock.items()
    assert listing.count("==") == len(used)


def test_a_list_of_packages_may_have_comments() -> None:
    """One name a line."""
    assert recipes.names_in("# why\npython3\n\n libnftables1 # rules\n") == ("python3", "libnftables1")


@pytest.mark.parametrize(("wanted", "way"), [("registry", "registry"), ("packages", "packages")])
def test_a_forced_way_asks_no_registry(wanted: debian.Base, way: str) -> None:
    """Forcing is also for machines where asking hangs."""
    assert debian.choose(wanted, lambda: pytest.fail("asked")).way == way


def test_auto_takes_the_registry_that_answers() -> None:
    """The common case elsewhere."""
    choice = debian.choose("auto", lambda: None)
    assert (choice.way, "registry answers" in choice.line) == ("registry", True)


def test_auto_falls_back_to_packages_and_says_why() -> None:
    """The case behind a wall."""
    choice = debian.choose("auto", lambda: "no registry answers")
    assert (choice.way, "no registry answers" in choice.line) == ("packages", True)


def test_a_registry_that_answers_is_no_failure() -> None:
    """The engine found the image there."""
    assert debian.registry_failure(Engine({}).as_client()) is None


@pytest.mark.parametrize("error", [APIError("no such host"), NotFound("gone"), EngineGoneError("refused")])
def test_a_registry_that_fails_is_told_in_words(error: Exception) -> None:
    """Whatever went wrong, the reader learns what it means."""
    client = Engine({}, raising(error)).as_client()
    assert debian.registry_failure(client) == "no registry answers"


def test_a_registry_that_hangs_is_given_up() -> None:
    """Asking is bounded, whatever the engine does."""
    never = threading.Event()

    def hang() -> None:
        never.wait(5)

    client = Engine({}, hang).as_client()
    assert debian.registry_failure(client, within_s=0.01) == "no registry answered within 0.01 s"
    never.set()


@pytest.mark.parametrize("name", [None, "", "auto"])
def test_an_unset_way_is_auto(name: str | None) -> None:
    """An empty variable is an unset one."""
    assert debian.base_named(name) == "auto"


def test_an_unknown_way_is_refused_with_the_known_ones() -> None:
    """A slip in the variable must not mean `auto`."""
    with pytest.raises(MisuseError, match="auto, registry, packages"):
        debian.base_named("regisrty")


def test_mmdebstrap_is_told_packages_and_architecture_but_no_mirror() -> None:
    """The tool's default mirror, never the host's sources."""
    arguments = debian.mmdebstrap_arguments(("python3", "libnftables1"), "arm64")
    assert "--include=python3,libnftables1,usr-is-merged" in arguments
    assert "--architectures=arm64" in arguments
    assert arguments[-2:] == ["bookworm", "-"]


def test_a_present_tool_is_used_anywhere() -> None:
    """Neither root nor Debian is asked for then."""
    assert debian.way_to_tool(present=True, root=False, os_release={}) == "use"


@pytest.mark.parametrize("system", [DEBIAN, {"ID": "ubuntu", "ID_LIKE": "debian"}])
def test_a_missing_tool_is_installed_as_root_on_debian(system: dict[str, str]) -> None:
    """And on its children."""
    assert debian.way_to_tool(present=False, root=True, os_release=system) == "install"


@pytest.mark.parametrize(("root", "system"), [(False, DEBIAN), (True, {"ID": "fedora"}), (True, {})])
def test_a_missing_tool_is_else_told_with_the_line_to_type(root: bool, system: dict[str, str]) -> None:  # noqa: FBT001 - a case
    """Nothing is installed where we may not or cannot."""
    with pytest.raises(MissingError, match="apt-get install --no-install-recommends mmdebstrap"):
        debian.way_to_tool(present=False, root=root, os_release=system)


def test_an_import_s_answer_names_the_image() -> None:
    """The tag is put on it only when all went well."""
    assert debian.imported_id('{"status":"sha256:' + "a" * 64 + '"}\r\n') == "sha256:" + "a" * 64


def test_an_import_s_failure_is_told() -> None:
    """In the engine's words."""
    with pytest.raises(EngineError, match="no space left"):
        debian.imported_id('{"error":"no space left on device"}')


def test_wheels_are_asked_for_the_engine_s_machine() -> None:
    """Not for the host's, nor for its Python."""
    arguments = wheels.pip_arguments("aarch64", requirements=Path("r"), target=Path("t"))
    assert {"--platform=manylinux_2_28_aarch64", "--abi=cp311", "--require-hashes"} <= set(arguments)
    assert not [argument for argument in arguments if "x86_64" in argument]


def test_an_engine_without_wheels_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    """Its architecture is named."""
    with pytest.raises(MissingError, match="riscv64"):
        wheels.fetch_site(b"", "riscv64", cache=tmp_path, say=pytest.fail)


def test_a_failed_build_tells_its_last_lines() -> None:
    """On one line, with the error at the end."""
    events = [{"stream": "Step 1/2\n"}, {"stream": "E: no such package\n"}, {"error": "returned 100"}]
    assert builder.outcome(events) == "Step 1/2 | E: no such package | returned 100"
    assert builder.outcome(events[:2]) is None


def test_an_engine_that_is_gone_is_missing() -> None:
    """The reader is asked whether it runs."""
    with pytest.raises(MissingError, match="is it running"), builder.engine_calls("looking"):
        raise EngineGoneError


def test_nothing_changed_means_three_looks_and_no_more(tmp_path: Path) -> None:
    """A start with all images there must not be felt."""
    present = {made.tag: {recipes.ORIGIN_LABEL: "packages"} for made in images.current_recipes().values()}
    engine = Engine(present)
    found = images.ensure_images(engine.as_client(), say=pytest.fail, cache=tmp_path)
    assert [(result.role, result.built) for result in found.results] == [
        ("server", False),
        ("core", False),
        ("portal", False),
    ]
    assert (engine.looks, {found.server, found.core, found.portal} <= set(present)) == (3, True)


def test_another_way_than_the_present_one_is_not_good_enough(tmp_path: Path) -> None:
    """Forcing makes anew: here it goes as far as the first thing that this engine cannot do."""
    present = {made.tag: {recipes.ORIGIN_LABEL: "packages"} for made in images.current_recipes().values()}
    said: list[str] = []
    client = Engine(present).as_client()
    with pytest.raises(AttributeError):
        images.ensure_images(client, base="registry", say=said.append, cache=tmp_path)
    assert said == ["debian layer: from debian:bookworm-slim, as asked"]


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """With the variable to set."""
    (tmp_path / "file").write_text("")
    with pytest.raises(MissingError, match="XDG_CACHE_HOME"):
        images.ensure_images(Engine({}).as_client(), say=pytest.fail, cache=tmp_path / "file")


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"XDG_CACHE_HOME": "/c"}, "/c/portal-resilience-testbed"),
        ({"HOME": "/h"}, "/h/.cache/portal-resilience-testbed"),
        ({"HOME": "/h", "XDG_CACHE_HOME": ""}, "/h/.cache/portal-resilience-testbed"),
    ],
)
def test_the_cache_is_where_users_expect_it(environ: dict[str, str], folder: str) -> None:
    """As the desktop's base directories say; an empty variable is an unset one."""
    assert images.cache_folder(environ) == Path(folder)


class Shelf:
    """Stands in for an engine that has some images of ours, one of them in use."""

    def __init__(self, *tags: str, in_use: str) -> None:
        self.images = self
        self.tags = tags
        self.in_use = in_use

    def list(self, filters: dict[str, str]) -> list[Any]:
        """Answer a search for our label."""
        assert filters == {"label": recipes.ROLE_LABEL}
        return [image(tag.partition("/")[2].partition(":")[0], tag) for tag in self.tags]

    def remove(self, tag: str) -> None:
        """Refuse what is in use, as the engine does."""
        if tag == self.in_use:
            response = Response()
            response.status_code = 409
            raise APIError("conflict", response)


def image(role: str, *names: str) -> Any:
    """Make what the engine's library gives for one image of ours."""
    labels = {recipes.ROLE_LABEL: role, recipes.ORIGIN_LABEL: "packages"}
    attrs = {"Size": 7, "Created": "2026-01-01T00:00:00Z"}
    return type("Image", (), {"labels": labels, "tags": list(names), "id": f"sha256:{role}", "attrs": attrs})()


def test_pruning_keeps_what_is_current_or_in_use_and_says_so() -> None:
    """Children go before their parents."""
    name = "portal-resilience-testbed"
    current = images.current_recipes()["portal"].tag
    shelf = Shelf(f"{name}/base:old", f"{name}/core:old", f"{name}/core:used", current, in_use=f"{name}/core:used")
    said: list[str] = []
    removed = images.prune(cast("docker.DockerClient", shelf), say=said.append)
    assert removed == (f"{name}/core:old", f"{name}/base:old")
    assert f"kept {name}/core:used: still in use" in said


def test_a_list_shows_parents_first_and_what_is_superseded() -> None:
    """An image that lost its tag is shown by id."""
    name = "portal-resilience-testbed"
    there = [image("portal", f"{name}/portal:new", f"{name}/portal:old", "other:1"), image("debian")]
    listed = images.described(there, {f"{name}/portal:new"})
    assert [(info.role, info.tag, info.current) for info in listed] == [
        ("debian", None, False),
        ("portal", f"{name}/portal:new", True),
        ("portal", f"{name}/portal:old", False),
    ]
