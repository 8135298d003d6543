"""What a planted defect is, and how it takes the place of a piece of the stubs. Holds no defect itself."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

Part: TypeAlias = Literal["server", "core", "portal", "clients"]
"""What has it: a service of a server, or the clients."""

PACKAGES = ("stubs", "testbed", "tests")
"""Where whoever imported the right piece by its name gets the wrong one as well."""


@dataclass(frozen=True, kw_only=True)
class Defect:
    """One way to be wrong.

    Attributes:
        name: by which it is chosen.
        area: what it belongs to, such as "roles".
        part: what has it.
        says: what is wrong, in a sentence or two.
        breaks: the rules that do not hold with it; whoever finds it names at least one of them.
        owner: the module or class that has the right piece.
        attribute: its name there.
        wrong: called in its place, with the right piece as the first argument.
    """

    name: str
    area: str
    part: Part
    says: str
    breaks: tuple[str, ...]
    owner: Any
    attribute: str
    wrong: Callable[..., Any]

    def plant(self) -> Callable[[], None]:
        """Put it in the place of the right piece, for the whole of this process; what takes it out again."""
        right = vars(self.owner)[self.attribute]
        places = [(self.owner, self.attribute), *_bound(right)]
        wrong = in_place_of(right, self.wrong)
        for owner, name in places:
            setattr(owner, name, wrong)

        def undo() -> None:
            for owner, name in places:
                setattr(owner, name, right)

        return undo


def defect(
    owner: Any, attribute: str, *, breaks: tuple[str, ...], part: Part = "portal"
) -> Callable[[Callable[..., Any]], Defect]:
    """Make a defect of a function: its name is the defect's, its docstring says what is wrong.

    Args:
        owner: the module or class that has the right piece: a function, a method, or a property.
        attribute: its name there.
        breaks: the rules that do not hold with it.
        part: what has it.
    """

    def made(wrong: Callable[..., Any]) -> Defect:
        return Defect(
            name=wrong.__name__.replace("_", "-"),
            area=part if part == "clients" else wrong.__module__.rpartition(".")[2],
            part=part,
            says=" ".join((wrong.__doc__ or "").split()),
            breaks=breaks,
            owner=owner,
            attribute=attribute,
            wrong=wrong,
        )

    return made


def in_place_of(right: Any, wrong: Callable[..., Any]) -> Any:
    """The wrong piece in the form of the right one."""
    if isinstance(right, property):
        return property(functools.partial(wrong, right.fget))

    @functools.wraps(right)
    def stand_in(*args: Any, **how: Any) -> Any:
        return wrong(right, *args, **how)

    return stand_in


def _bound(right: Any) -> Iterator[tuple[ModuleType, str]]:
    """Every module of ours that has the right piece under a name of its own, and that name."""
    for module_name, module in list(sys.modules.items()):
        if module_name.partition(".")[0] in PACKAGES:
            for name, value in list(vars(module).items()):
                if value is right:
                    yield module, name
