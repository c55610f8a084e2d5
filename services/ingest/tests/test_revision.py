import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ioc_ingest.domain.revision import Known, Rows, first_of_key, judge, nothing_known
from ioc_ingest.domain.written import touched

ROW = st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from([1.0, 2.0]), st.sampled_from([1, 3]))


def rows_of(given_rows, messages=None):
    columns = list(zip(*given_rows, strict=True)) or [(), (), (), ()]
    kinds = (np.int32, np.int64, np.float64, np.int8)
    arrays = [np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    message = np.zeros(len(given_rows), np.int32) if messages is None else np.array(messages, np.int32)
    return Rows(*arrays, message).sorted()


def known_of(rows, ledger):
    places = [p for p in np.flatnonzero(first_of_key(rows)) if (rows.series_id[p], rows.time_us[p]) in ledger]
    found = [ledger[rows.series_id[p], rows.time_us[p]] for p in places]
    revision, value, quality = list(zip(*found, strict=True)) or [(), (), ()]
    return Known(
        np.array(places, np.int64),
        np.array(revision, np.int32),
        np.array(value, np.float64),
        np.array(quality, np.int8),
    )


def one_by_one(given_rows, ledger):
    """What a ledger would do that took each row alone: the rule in its plainest form."""
    current = dict(ledger)
    stored = []
    for series, at, value, quality in given_rows:
        revision, *said = current.get((series, at), (0, None, None))
        if said != [value, quality]:
            current[series, at] = (revision + 1, value, quality)
            stored.append((series, at, revision + 1, value, quality))
    return sorted(stored)


@given(st.lists(ROW, max_size=12), st.lists(ROW, max_size=6))
def test_judging_whole_columns_is_the_same_as_taking_each_row_alone(given_rows, earlier):
    ledger = {(s, t): (n + 1, v, q) for n, (s, t, v, q) in enumerate(earlier)}
    rows = rows_of(given_rows)
    judged = judge(rows, known_of(rows, ledger))
    kept = rows.take(judged.is_stored)
    columns = (kept.series_id, kept.time_us, judged.revision[judged.is_stored], kept.value, kept.quality)
    stored = sorted(zip(*(column.tolist() for column in columns), strict=True))
    assert stored == one_by_one(given_rows, ledger)


def test_what_was_touched_is_summed_up_by_message_and_series():
    rows = rows_of(
        [(1, 10, 5.0, 1), (1, 20, 6.0, 1), (2, 10, 7.0, 1), (1, 20, 9.0, 1)],
        messages=[0, 0, 0, 1],
    )
    summed = touched(rows, judge(rows, nothing_known()))
    found = list(
        zip(
            summed.message.tolist(),
            summed.series_id.tolist(),
            summed.from_us.tolist(),
            summed.to_us.tolist(),
            summed.latest_value.tolist(),
            summed.stored.tolist(),
            summed.revised.tolist(),
            strict=True,
        )
    )
    assert found == [(0, 1, 10, 20, 6.0, 2, 0), (0, 2, 10, 10, 7.0, 1, 0), (1, 1, 20, 20, 9.0, 1, 1)]
