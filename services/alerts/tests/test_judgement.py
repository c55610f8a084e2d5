"""The state machine alone: by period, with hysteresis, whatever the order of arrival."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ioc_alerts.domain.judgement import Judgement, Level, Standing, Verdict, judge

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def follow(*steps: tuple[int, Level], standing: Standing | None = None) -> list[Judgement]:
    """Judges (hour, level) one after another, as they arrive."""
    judged: list[Judgement] = []
    known = standing or Standing()
    for number, level in steps:
        judged.append(judge(known, level, hour(number)))
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


def test_a_period_that_a_person_settled_does_not_raise_again_but_the_next_one_does() -> None:
    settled = Standing(last_period=hour(1), settled_until=hour(1))
    assert verdicts((1, B), (2, B), standing=settled) == [Verdict.SEEN, Verdict.RAISE]


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


@given(arrivals)
def test_a_repeated_delivery_changes_nothing(steps: list[tuple[int, Level]]) -> None:
    doubled = [step for step in steps for _ in range(2)]
    once, twice = follow(*steps), follow(*doubled)
    assert [each.standing for each in once] == [each.standing for each in twice[1::2]]
    changes = (Verdict.RAISE, Verdict.RESOLVE, Verdict.RETRACT)
    assert not any(each.verdict in changes for each in twice[1::2])


@given(st.lists(st.sampled_from(Level), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_newest_period_decides_whatever_the_order(levels: list[Level], random: object) -> None:
    steps = list(enumerate(levels))
    random.shuffle(steps)  # type: ignore[attr-defined]
    final = follow(*steps)[-1].standing
    assert final.last_period == hour(len(levels) - 1)
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
        assert evidence.raised_by <= evidence.latest
        latest = {number: level for number, level in steps[:count]}
        # What the evidence names as its newest breach is one still, unless it is the raising period between thresholds.
        newest = next(level for number, level in latest.items() if hour(number) == evidence.latest)
        assert newest is Level.BREACH or (newest is Level.BETWEEN and evidence.latest == evidence.raised_by)
