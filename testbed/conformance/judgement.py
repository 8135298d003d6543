"""Verdicts on one step: an act in, pass, fail or unknown with its evidence out. Pure; thresholds are readings of ours.

Whatever cannot be told from the servers' side is unknown, and says why; unknown is never a pass.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeAlias, assert_never

from testbed.conformance import acts
from testbed.conformance.scenarios import Check, Kind
from testbed.recording.sightings import CERTIFICATE_ALERTS
from testbed.report.verdicts import Verdict

if TYPE_CHECKING:
    from testbed.conformance.acts import Act

BURST = 20
"""How many connection attempts at a server that does not take them are anybody's right (reading "hammering")."""

PER_S = 10
"""How many more a second after that (reading "hammering")."""

ENOUGH = 2
"""How often a client must have been served again to count as going on where it was (reading "long enough")."""

Said: TypeAlias = tuple[Verdict, str]


def judge(check: Check, kind: Kind, act: Act) -> Said:
    """The verdict on one check, and the evidence for it, or why there is no verdict."""
    match check:
        case Check.REDIRECT:
            said = _stayed_put(act) if kind is Kind.ASSISTANT else _redirect(act)
        case Check.STAY:
            said = _stay(act)
        case Check.CERTIFICATE:
            said = _certificate(act)
        case Check.RECONNECT:
            said = _reconnect(act)
        case Check.HAMMERING:
            said = _hammering(act)
        case Check.CHANGES:
            said = _changes(act)
        case _:
            assert_never(check)
    return said if act.ended is None else _of_an_ended_one(act.ended, said, _stands(check, kind))


def is_settled(check: Check, kind: Kind, act: Act) -> bool:
    """Whether more time would not change the verdict on a check, or has been given (reading "long enough")."""
    verdict, _evidence = judge(check, kind, act)
    watched = act.watched_s >= act.watch_s
    match check:
        case Check.REDIRECT if kind is Kind.ASSISTANT:
            return verdict is Verdict.FAIL or watched
        case Check.REDIRECT | Check.RECONNECT:
            return verdict is Verdict.PASS
        case Check.STAY:
            return verdict is Verdict.FAIL or len(acts.served(act.during, act.target)) >= ENOUGH
        case Check.CERTIFICATE:
            return verdict is Verdict.FAIL or (verdict is Verdict.PASS and watched)
        case Check.HAMMERING:
            return True
        case Check.CHANGES:
            return verdict is not Verdict.FAIL or (watched and bool(acts.served(act.during, act.target)))
        case _:
            assert_never(check)


def allowed(seconds: float) -> int:
    """How often a client may try a server that does not take it, in so many seconds (reading "hammering")."""
    return BURST + round(PER_S * seconds)


def _stands(check: Check, kind: Kind) -> Verdict:
    """Which verdict rests on what a client did, and so stands though it ended; the other rests on what it left."""
    by_deed = check in (Check.RECONNECT, Check.CHANGES) or (check is Check.REDIRECT and kind is not Kind.ASSISTANT)
    return Verdict.PASS if by_deed else Verdict.FAIL


def _of_an_ended_one(ended: acts.Ended, said: Said, stands: Verdict) -> Said:
    verdict, evidence = said
    if verdict is stands:
        return verdict, f"{evidence}; {how_ended(ended)}"
    return Verdict.UNKNOWN, f"{how_ended(ended)}; seen until then: {evidence}"


def how_ended(ended: acts.Ended) -> str:
    """The end of a client in words."""
    how = f"was ended by signal {-ended.code}" if ended.code < 0 else f"ended with exit code {ended.code}"
    return f"the client {how} during the run"


def _not_there(act: Act) -> Said | None:
    """Why a client cannot be judged that was not where the step began."""
    if not acts.served(act.before, act.source):
        return Verdict.UNKNOWN, f"it was not logged in at the {act.source} before"
    if act.target != act.source and not acts.is_at(act.before, act.source, act.target):
        return Verdict.UNKNOWN, f"it was not at the {act.source} any more when this began"
    return None


def _redirect(act: Act) -> Said:
    absent = _not_there(act)
    if absent is not None:
        return absent
    if act.serving_at is None:
        return Verdict.UNKNOWN, f"the {act.target} was not seen to serve"
    came = acts.at_portal(act.during, act.target)
    told = len(acts.told_to_leave(act.during, act.source))
    sent = f", sent there {told} times by the {act.source}" if told else ""
    if not came:
        return Verdict.FAIL, f"it never came to the {act.target} in {act.watched_s:.1f} s{sent}"
    late_ms = max(0, acts.ms_since(acts.first_of(came).at, act.serving_at))
    stopped = "" if acts.went_through(act.during, act.target) else ", and stopped at the certificate"
    return Verdict.PASS, f"it came to the {act.target} within {late_ms} ms{sent}{stopped}"


def _stayed_put(act: Act) -> Said:
    absent = _not_there(act)
    if absent is not None:
        return absent
    came = len(acts.at_portal(act.during, act.target))
    if came:
        return Verdict.FAIL, f"it came to the {act.target} ({came} sightings) though its user did not send it there"
    if act.watched_s < act.watch_s:
        return Verdict.UNKNOWN, f"it was watched for {act.watched_s:.1f} s only"
    return Verdict.PASS, f"it did not come to the {act.target} in {act.watched_s:.1f} s"


def _stay(act: Act) -> Said:
    if not acts.served(act.before, act.target):
        return Verdict.UNKNOWN, f"it was not logged in at the {act.target} before"
    elsewhere = {one.server for one in act.during if acts.went_through([one], one.server)} - {act.target}
    if elsewhere:
        return Verdict.FAIL, f"it went to the {' and the '.join(sorted(elsewhere))}, where nobody had sent it"
    here = len(acts.served(act.during, act.target))
    if not here:
        return Verdict.UNKNOWN, f"it asked the {act.target} for nothing in {act.watched_s:.1f} s"
    return Verdict.PASS, f"the {act.target} served it {here} more times, and no other portal was asked"


def _certificate(act: Act) -> Said:
    there = acts.met_there(act.during, act.target)
    what = f"the certificate {act.certificate}"
    if not there:
        return Verdict.UNKNOWN, f"it never came to the {act.target}, so it did not meet {what}"
    through = acts.went_through(there, act.target)
    given_up = acts.gave_up(there, act.target)
    alerts = Counter(one.alert for one in given_up if one.alert in CERTIFICATE_ALERTS)
    said = ", ".join(f"{number} times alert {alert}" for alert, number in alerts.items())
    if through:
        after = f" after refusing it ({said})" if said else ""
        return Verdict.FAIL, f"it took {what}{after}, and sent {len(through)} times what nobody may have read"
    if said:
        return Verdict.PASS, f"it stopped at {what} ({said}), and sent nothing"
    if any(one.outcome == "unused" for one in given_up):
        return Verdict.PASS, f"it finished the handshake, looked at {what}, and left without a word"
    others = ", ".join(sorted({one.alert or one.outcome for one in given_up}))
    return Verdict.UNKNOWN, f"its handshake ended otherwise than over {what}: {others}"


def _reconnect(act: Act) -> Said:
    absent = _not_there(act)
    if absent is not None:
        return absent
    if act.serving_at is None:
        return Verdict.UNKNOWN, f"the {act.target} was not seen to serve"
    done = acts.log_ins(act.during, act.target)
    if done:
        late_ms = max(0, acts.ms_since(done[0].at, act.serving_at))
        return Verdict.PASS, f"it logged in at the {act.target} by itself within {late_ms} ms"
    if acts.at_portal(act.during, act.target) and not acts.went_through(act.during, act.target):
        return Verdict.UNKNOWN, f"it stopped at the certificate of the {act.target}"
    statuses = Counter(one.status for one in acts.asked(act.during, act.target))
    seen = ", ".join(f"{number} times {status}" for status, number in sorted(statuses.items())) or "nothing asked there"
    return Verdict.FAIL, f"it did not log in at the {act.target} in {act.watched_s:.1f} s ({seen})"


def _hammering(act: Act) -> Said:
    if act.tried is None:
        return Verdict.UNKNOWN, f"nobody counted the attempts at the {act.source}"
    most = allowed(act.dead_s)
    said = f"{act.tried} connection attempts at the dead {act.source} in {act.dead_s:.1f} s ({most} allowed)"
    given_up = len(acts.gave_up(act.during, act.target))
    if given_up:
        said += f"; {given_up} at the {act.target} that ended at the handshake"
    away = len(acts.turned_away(act.during, act.target))
    if away:
        said += f"; {away} requests that the {act.target} turned away"
    if max(act.tried, given_up, away) > most:
        return Verdict.FAIL, said
    if not act.before:
        return Verdict.UNKNOWN, "it was never seen"
    return Verdict.PASS, said


def _changes(act: Act) -> Said:
    """SYNC-4: what the secondary took in while it served is discarded; a client that minds makes it again."""
    if act.taken is None:
        return Verdict.UNKNOWN, "the servers did not say which changes they took back"
    everything = (*act.before, *act.during)
    made = [one for server in {seen.server for seen in everything} for one in acts.acknowledged(everything, server)]
    if not made:
        return Verdict.UNKNOWN, "no change of its was acknowledged, so none could get lost"
    missing = [str(one) for one in act.taken if one.is_there is False]
    if missing:
        return Verdict.FAIL, f"acknowledged, taken back at failback, and not made again: {', '.join(missing)}"
    in_doubt = [str(one) for one in act.taken if one.is_there is None]
    if in_doubt:
        return Verdict.UNKNOWN, f"taken back at failback, and nobody knows what was in it: {', '.join(in_doubt)}"
    if act.taken:
        return Verdict.PASS, f"{len(act.taken)} changes were taken back at failback, and it made them again"
    return Verdict.PASS, f"{len(made)} changes were acknowledged, and none was taken back"
