"""The state machine alone: by period, with hysteresis, whatever the order of arrival."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ioc_alerts.domain.judgement import Judgement, Level, Mark, Standing, Verdict, judge

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def follow(*steps: tuple[int, Level], standing: Standing | None = None) -> list[Judgement]:
    """Judges (hour, level) one after another, as they arrive; each arrival is a newer computation."""
    judged: list[Judgement] = []
    known = standing or Standing()
    for version, (number, level) in enumerate(steps, start=1):
        judged.append(judge(known, level, Mark(hour(number), version)))
        known = judged[-1].standing
    return judged


def verdicts(*steps: tuple[int, Level], standing: Standing | None = None) -> list[Verdict]:
    return [each.verdict for each in follow(*steps, standing=standing)]


B, M, C = Level.BREACH, Level.BETWEEN, Level.CLEAR


def test_a_breach_raises_once_and_resolves_only_at_the_lower_threshold() -> None:
    assert verdicts((0, C), (1, B), (2, B), (3, M), (4, C), (5, M)) == [
        Verdict.SEEN,
        Verdict.RAISE,
        Verdict.SEEN,
        Verdict.SEEN,
        Verdict.RESOLVE,
        Verdict.SEEN,
    ]


def test_a_correction_of_the_raising_period_retracts() -> None:
    assert verdicts((1, B), (1, C)) == [Verdict.RAISE, Verdict.RETRACT]


def test_a_late_correction_of_the_raising_period_retracts_too() -> None:
    assert verdicts((1, B), (2, M), (1, C)) == [Verdict.RAISE, Verdict.SEEN, Verdict.RETRACT]


def test_a_correction_to_between_the_thresholds_keeps_the_alert() -> None:
    assert verdicts((1, B), (1, M), (1, B)) == [Verdict.RAISE, Verdict.SEEN, Verdict.SEEN]


def test_a_later_breach_keeps_the_alert_when_the_raising_period_is_corrected() -> None:
    assert verdicts((1, B), (2, B), (1, C), (2, C)) == [
        Verdict.RAISE,
        Verdict.SEEN,
        Verdict.CORRECTED,
        Verdict.RETRACT,
    ]


def test_the_alert_is_retracted_when_the_later_breach_was_corrected_before() -> None:
    assert verdicts((1, B), (2, B), (3, M), (2, C), (1, C))[-2:] == [Verdict.CORRECTED, Verdict.RETRACT]


def test_late_data_of_an_older_period_neither_raises_nor_resolves() -> None:
    assert verdicts((5, C), (3, B)) == [Verdict.SEEN, Verdict.IGNORED]
    assert verdicts((5, B), (3, C)) == [Verdict.RAISE, Verdict.IGNORED]


def test_the_same_period_computed_higher_raises() -> None:
    assert verdicts((1, C), (1, B)) == [Verdict.SEEN, Verdict.RAISE]


def test_what_a_person_closed_is_raised_again_only_after_the_cause_had_gone() -> None:
    settled = Standing(last=Mark(hour(1), 0), is_settled=True)
    assert verdicts((2, B), (3, M), (4, B), (5, C), (6, B), standing=settled) == [
        Verdict.SEEN,
        Verdict.SEEN,
        Verdict.SEEN,
        Verdict.SEEN,
        Verdict.RAISE,
    ]


def test_an_older_computation_of_the_same_period_says_nothing_new() -> None:
    corrected = judge(judge(Standing(), B, Mark(hour(1), 7)).standing, C, Mark(hour(1), 8))
    assert corrected.verdict is Verdict.RETRACT
    assert judge(corrected.standing, B, Mark(hour(1), 7)) == Judgement(Verdict.IGNORED, corrected.standing)
    assert judge(corrected.standing, B, Mark(hour(1), 9)).verdict is Verdict.RAISE


def test_a_running_period_that_comes_back_resolves_and_a_finished_one_retracts() -> None:
    raised = judge(Standing(), B, Mark(hour(1), 1, is_provisional=True)).standing
    assert judge(raised, C, Mark(hour(1), 2, is_provisional=True)).verdict is Verdict.RESOLVE
    finished = judge(raised, B, Mark(hour(1), 2)).standing
    assert judge(finished, C, Mark(hour(1), 3)).verdict is Verdict.RETRACT
    overtaken = judge(raised, M, Mark(hour(2), 2, is_provisional=True)).standing
    assert judge(overtaken, C, Mark(hour(1), 3)).verdict is Verdict.RETRACT


arrivals = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(Level)), max_size=40)


@given(arrivals)
def test_never_two_open_and_never_a_change_between_the_thresholds(steps: list[tuple[int, Level]]) -> None:
    open_alerts = 0
    for (_, level), judged in zip(steps, follow(*steps), strict=True):
        open_alerts += (judged.verdict is Verdict.RAISE) - (judged.verdict in (Verdict.RESOLVE, Verdict.RETRACT))
        assert open_alerts in (0, 1)
        assert (judged.standing.evidence is not None) == (open_alerts == 1)
        if level is Level.BETWEEN:
            assert judged.verdict in (Verdict.SEEN, Verdict.IGNORED, Verdict.CORRECTED)
        if judged.verdict is Verdict.RAISE:
            assert level is Level.BREACH
        if judged.verdict in (Verdict.RESOLVE, Verdict.RETRACT):
            assert level is Level.CLEAR


@given(arrivals, st.data())
def test_any_delivery_may_be_repeated_at_any_later_time(steps: list[tuple[int, Level]], data: st.DataObject) -> None:
    known = Standing()
    for version, (number, level) in enumerate(steps, start=1):
        known = judge(known, level, Mark(hour(number), version)).standing
        again = data.draw(st.integers(1, version))
        repeated_number, repeated_level = steps[again - 1]
        assert judge(known, repeated_level, Mark(hour(repeated_number), again)).standing == known


@given(st.lists(st.sampled_from(Level), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_newest_period_decides_whatever_the_order(levels: list[Level], random: object) -> None:
    steps = list(enumerate(levels))
    random.shuffle(steps)  # type: ignore[attr-defined]
    final = follow(*steps)[-1].standing
    assert final.last is not None
    assert final.last.period == hour(len(levels) - 1)
    if levels[-1] is Level.CLEAR:
        assert final.evidence is None
    if levels[-1] is Level.BREACH:
        assert final.evidence is not None


@given(arrivals)
def test_an_open_alert_stands_on_periods_that_were_judged(steps: list[tuple[int, Level]]) -> None:
    for count, judged in enumerate(follow(*steps), start=1):
        evidence = judged.standing.evidence
        if evidence is None:
            continue
        assert evidence.raised_by.period <= evidence.latest.period
        latest = dict(steps[:count])
        # What the evidence names as its newest breach is one still, unless it is the raising period between thresholds.
        newest = next(level for number, level in latest.items() if hour(number) == evidence.latest.period)
        assert newest is Level.BREACH or (newest is Level.BETWEEN and evidence.latest == evidence.raised_by)
