import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc_ingest.domain.columns import Columns, concatenate
from ioc_ingest.domain.errors import ColumnsInvalid, UnequalColumns


def test_unequal_columns_are_refused_and_each_wrong_one_is_named():
    with pytest.raises(UnequalColumns) as caught:
        Columns.make(["a"], [0, 0], [1, 2, 3], [1.0], [1, 1])
    assert [violation.field for violation in caught.value.violations] == ["batch.time_us", "batch.value"]
    assert caught.value.reason == "UNEQUAL_COLUMNS"


def test_an_index_outside_the_dictionary_is_refused_with_its_row():
    with pytest.raises(ColumnsInvalid) as caught:
        Columns.make(["a"], [0, 1], [1, 2], [1.0, 2.0])
    assert caught.value.violations[0].field == "batch.series_index"
    assert "row 1 points at entry 1" in caught.value.violations[0].description


@pytest.mark.parametrize("key", ["", "a\x00b", "a\nb", "x" * 401, "\x1b[31mred"])
def test_a_key_that_cannot_be_one_is_refused(key):
    with pytest.raises(ColumnsInvalid) as caught:
        Columns.make([key], [0], [1], [1.0])
    assert caught.value.violations[0].field == "batch.series_keys[0]"


def test_a_key_that_stands_twice_is_refused():
    with pytest.raises(ColumnsInvalid):
        Columns.make(["a", "a"], [0, 1], [1, 2], [1.0, 2.0])


def test_absent_and_unspecified_quality_are_read_as_good():
    assert Columns.make(["a"], [0], [1], [1.0]).quality.tolist() == [1]
    assert Columns.make(["a"], [0, 0], [1, 2], [1.0, 2.0], [0, 3]).quality.tolist() == [1, 3]


def test_taking_rows_keeps_only_the_keys_that_they_use():
    columns = Columns.make(["a", "b", "c"], [2, 0, 2], [1, 2, 3], [1.0, 2.0, 3.0])
    taken = columns.take(np.array([True, False, True]))
    assert taken.series_keys == ("c",)
    assert (taken.index.tolist(), taken.value.tolist()) == ([0, 0], [1.0, 3.0])
    assert len(columns.take(np.zeros(3, bool))) == 0


@given(st.lists(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9)), max_size=5), min_size=1, max_size=4))
def test_concatenating_keeps_every_row_in_order(parts):
    made = []
    for rows in parts:
        keys = sorted({key for key, _ in rows})
        made.append(Columns.make(keys, [keys.index(k) for k, _ in rows], [t for _, t in rows], [0.0] * len(rows)))
    joined = concatenate(made)
    found = [(joined.key_of(row), int(joined.time_us[row])) for row in range(len(joined))]
    assert found == [row for rows in parts for row in rows]
