"""Defects of clients, each a wrong policy: what a badly made client does in the place of `testbed.clients.policy.step`.

They are for tests of what judges clients. The stubs' own are in `stubs.defects`.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from stubs.defects.planting import defect
from testbed.clients import policy
from testbed.clients.exchange import Answer, Verdict
from testbed.clients.screen import Shows
from testbed.clients.steps import (
    Answered,
    AskCore,
    AskSession,
    Decided,
    Examine,
    Examined,
    Habit,
    Kind,
    Load,
    LogIn,
    Poll,
    Prompt,
    Rest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from stubs.defects.planting import Defect
    from testbed.clients.steps import Event, State

    Step: TypeAlias = Callable[[State, Event], State]


@defect(policy, "step", breaks=("REDIR-4", "CLIENT-1", "CLIENT-2"), part="clients")
def redirect_ignored(right: Step, state: State, event: Event) -> State:
    """The client stays where it is, whatever redirect the portal answers with."""
    match state.doing, event:
        case AskSession(), Answered(exchange=Answer(status=status)) if status in policy.REDIRECTS:
            return replace(state, doing=Rest())
    return right(state, event)


@defect(policy, "step", breaks=("REDIR-1",), part="clients")
def core_never_asked(right: Step, state: State, event: Event) -> State:
    """A client whose portal is gone waits for that, and asks no core who serves now."""
    following = right(state, event)
    return replace(following, shows=Shows.LOST_CONTACT, doing=Rest()) if _asks_core(following) else following


@defect(policy, "step", breaks=("CERT-1", "CERT-3"), part="clients")
def any_certificate_accepted(right: Step, state: State, event: Event) -> State:
    """The client takes whatever certificate it meets, and asks nobody."""
    following = right(state, event)
    match event, following.doing:
        case Examined(), Prompt():
            return right(following, Decided(Habit.ACCEPT))
    return following


@defect(policy, "step", breaks=("CERT-1",), part="clients")
def exception_not_kept(right: Step, state: State, event: Event) -> State:
    """An accepted certificate is not remembered, so that the client prompts for it at every step."""
    match state.doing, event:
        case Prompt(page=page), Decided(habit=Habit.ACCEPT):
            return replace(state, doing=Load(page) if state.kind is Kind.WEB else LogIn(page))
    return right(state, event)


@defect(policy, "step", breaks=("CERT-2",), part="clients")
def trusted_certificate_prompts(right: Step, state: State, event: Event) -> State:
    """The client prompts for every certificate, those included that it was told to trust."""
    match state.doing, event:
        case Examine(page=page), Examined(result=Verdict() as verdict):
            return replace(state, doing=Prompt(page, verdict))
    return right(state, event)


@defect(policy, "step", breaks=("CERT-4",), part="clients")
def prompts_without_end(right: Step, state: State, event: Event) -> State:
    """A certificate that was declined prompts again at every retry."""
    return replace(right(state, event), declined=frozenset())


@defect(policy, "step", breaks=("CERT-4",), part="clients")
def declined_and_gone_on(right: Step, state: State, event: Event) -> State:
    """The client asks for a page though its user declined the certificate."""
    match state.doing, event:
        case Prompt(page=page), Decided(habit=Habit.DECLINE):
            return replace(state, doing=Load(page))
    return right(state, event)


@defect(policy, "step", breaks=("CLIENT-3",), part="clients")
def call_assistant_follows(right: Step, state: State, event: Event) -> State:
    """Call Assistant goes where a redirect or the core sends it, as the Outlook plug-in does."""
    if state.kind is not Kind.CALL_ASSISTANT:
        return right(state, event)
    return replace(right(replace(state, kind=Kind.OUTLOOK), event), kind=Kind.CALL_ASSISTANT)


@defect(policy, "step", breaks=("CLIENT-2",), part="clients")
def plug_in_waits_for_a_person(right: Step, state: State, event: Event) -> State:
    """The Outlook plug-in does not log in by itself after a redirect: it shows a form that nobody fills in."""
    if state.kind is not Kind.OUTLOOK:
        return right(state, event)
    return replace(right(replace(state, kind=Kind.WEB), event), kind=Kind.OUTLOOK)


@defect(policy, "step", breaks=("REDIR-8",), part="clients")
def redirected_round_and_round(right: Step, state: State, event: Event) -> State:
    """The client follows redirects without end, back to where it was already."""
    return right(replace(state, route=()), event)


@defect(policy, "step", breaks=("CLIENT-1", "REDIR-1", "REDIR-4"), part="clients")
def old_session_taken_along(right: Step, state: State, event: Event) -> State:
    """A browser that was sent to the other server shows its home page there, without any log-in."""
    match state.doing, event:
        case Load(page=page), Answered(exchange=Answer(status=200)):
            return replace(state, shows=Shows.HOME, page=page, place=page, route=(), doing=Rest())
    return right(state, event)


@defect(policy, "step", breaks=("REDIR-2",), part="clients")
def gives_up_at_once(right: Step, state: State, event: Event) -> State:
    """A client that has lost contact polls no more."""
    if isinstance(event, Poll) and state.shows in (Shows.LOST_CONTACT, Shows.DISCONNECTED):
        return state
    return right(state, event)


def wrong_policy(defects: Sequence[Defect]) -> Step | None:
    """The policy of clients that have these defects; `None`: they have none, and follow the right one."""
    step: Step = policy.step
    for each in defects:
        step = functools.partial(each.wrong, step)
    return step if defects else None


def _asks_core(state: State) -> bool:
    return isinstance(state.doing, AskCore)
