"""SDMX-CSV 2.0 files, read by pyarrow in blocks: good rows become columns, bad rows refusals with line and column.

Which column means what, the contract says. Format: https://github.com/sdmx-twg/sdmx-csv (2.0.0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from ioc_ingest.domain.columns import Columns
from ioc_ingest.domain.contract import Contract
from ioc_ingest.domain.delivery import Delivery, Located, nothing
from ioc_ingest.domain.errors import FileUnreadable
from ioc_ingest.domain.refusal import Refusal, Rule, printable
from ioc_ingest.protocols.file_text import Lines, lines_of
from ioc_ingest.protocols.sdmx_header import Header, read_header
from ioc_ingest.protocols.sdmx_row import RowReader, Verdict
from ioc_ingest.protocols.timestamps import expected_form, period_us

_BLOCK = 1 << 20
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_MAX_REFUSALS = 50_000
"""A file with more bad rows than this is not the agreed file: it is refused whole, with the first of them named."""


@dataclass(slots=True)
class _Found:
    """Rows as they are read, block by block."""

    places: dict[str, int] = field(default_factory=dict)
    index: list[np.ndarray[Any, np.dtype[np.uint32]]] = field(default_factory=list)
    time_us: list[np.ndarray[Any, np.dtype[np.int64]]] = field(default_factory=list)
    value: list[np.ndarray[Any, np.dtype[np.float64]]] = field(default_factory=list)
    quality: list[np.ndarray[Any, np.dtype[np.int8]]] = field(default_factory=list)
    line: list[np.ndarray[Any, np.dtype[np.int64]]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def refuse(self, lines: Lines, number: int, rule: Rule, column: str, facts: dict[str, str]) -> None:
        """Adds a refusal. Raises FileUnreadable when there are too many to be a slip."""
        if len(self.refusals) >= _MAX_REFUSALS:
            first = self.refusals[0]
            raise FileUnreadable(f"line {first.row}", f"more than {_MAX_REFUSALS} rows are wrong: {first.reason.en}")
        clean = {name: printable(text)[:200] for name, text in facts.items()}
        self.refusals.append(Refusal(number, rule, column, clean, lines.text(number)))


def parse(file: IO[bytes], contracts: Sequence[Contract]) -> Delivery:
    """The rows of a file under the contract that its header fits; rows are numbered by line, the header being 1.

    Raises FileUnreadable for a file that cannot be read as a whole. Memory: some 30 bytes a row, beside one block.
    """
    lines = lines_of(file)
    header = read_header(lines, contracts)
    found = _Found()
    wrong: list[csv.InvalidRow] = []

    def set_aside(row: csv.InvalidRow) -> Literal["skip"]:
        wrong.append(row)
        return "skip"

    next_line = 2
    file.seek(0)
    try:
        reader = csv.open_csv(
            file,
            csv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=list(header.columns), skip_rows=1),
            csv.ParseOptions(delimiter=",", ignore_empty_lines=False, invalid_row_handler=set_aside),
            csv.ConvertOptions(
                column_types={name: pa.string() for name in header.columns},
                include_columns=list(header.used),
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
        for block in reader:
            numbers, next_line = _number(block.num_rows, next_line, wrong)
            _read_block(block, numbers, header, lines, found)
    except pa.ArrowInvalid as error:
        if "Empty CSV" not in str(error):
            raise FileUnreadable("piece", f"it is no CSV: {str(error).splitlines()[0][:200]}") from error
    for row in wrong:
        if row.text.strip():
            facts = {"found": str(row.actual_columns), "expected": str(row.expected_columns)}
            found.refuse(lines, int(row.number or 0), Rule.COLUMN_MISSING, "", facts)
    return _finish(found, lines, header)


def _number(
    rows: int, next_line: int, wrong: Sequence[csv.InvalidRow]
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], int]:
    """The line numbers of the good rows of a block: the numbers of lines that were set aside are left out."""
    set_aside = {int(row.number or 0) for row in wrong if (row.number or 0) >= next_line}
    numbers = np.arange(next_line, next_line + rows + len(set_aside), dtype=np.int64)
    if set_aside:
        numbers = numbers[~np.isin(numbers, list(set_aside))][:rows]
    return numbers, int(numbers[-1]) + 1 if rows else next_line


def _read_block(
    block: pa.RecordBatch,
    numbers: np.ndarray[Any, np.dtype[np.int64]],
    header: Header,
    lines: Lines,
    found: _Found,
) -> None:
    rows = block.num_rows
    if not rows:
        return
    reader = RowReader(header)
    verdicts, verdict_of = _verdicts(block, reader, header)
    series = np.array([found.places.setdefault(v.key, len(found.places)) if v.key else -1 for v in verdicts], np.int64)
    quality = np.array([v.quality for v in verdicts], np.int8)[verdict_of]
    index = series[verdict_of]
    texts, time_of = _encoded(block.column(header.time))
    kind = header.contract.period_kind
    parsed = [period_us(text.strip(), kind) for text in texts]
    is_time = np.array([at is not None for at in parsed], np.bool_)[time_of]
    time_us = np.array([at or 0 for at in parsed], np.int64)[time_of]
    trimmed = pc.utf8_trim_whitespace(block.column(header.value))
    is_number = pc.match_substring_regex(trimmed, _NUMBER)
    numbers_only: pa.Array[Any] = pc.if_else(is_number, trimmed, "0")
    value = numbers_only.cast(pa.float64()).to_numpy(zero_copy_only=False)
    is_value = is_number.to_numpy(zero_copy_only=False).astype(np.bool_)
    is_good = (index >= 0) & is_time & is_value
    # Empty lines, and the rows of separators only that spreadsheets leave at the end, are no rows.
    is_empty = np.array([v.is_empty for v in verdicts], np.bool_)[verdict_of]
    is_empty &= np.array([not text.strip() for text in texts], np.bool_)[time_of]
    is_empty &= pc.equal(trimmed, pa.scalar("")).to_numpy(zero_copy_only=False).astype(np.bool_)
    for row in np.flatnonzero(~is_good & ~is_empty).tolist():
        number = int(numbers[row])
        verdict = verdicts[int(verdict_of[row])]
        if not verdict.key:
            found.refuse(lines, number, verdict.rule, verdict.column, dict(verdict.facts))
        elif not is_time[row]:
            facts = {"found": texts[int(time_of[row])], "expected": expected_form(kind)}
            found.refuse(lines, number, Rule.TIME_NOT_READABLE, header.time, facts)
        else:
            facts = {"found": trimmed[row].as_py()}
            found.refuse(lines, number, Rule.VALUE_NOT_READABLE, header.value, facts)
    found.index.append(index[is_good].astype(np.uint32))
    found.time_us.append(time_us[is_good])
    found.value.append(value[is_good])
    found.quality.append(quality[is_good])
    found.line.append(numbers[is_good])


def _verdicts(
    block: pa.RecordBatch, reader: RowReader, header: Header
) -> tuple[list[Verdict], np.ndarray[Any, np.dtype[np.int64]]]:
    """One verdict for each combination of codes that occurs, and which one each row has: few, however many rows."""
    combined = np.zeros(block.num_rows, np.int64)
    for name in header.coded:
        texts, codes = _encoded(block.column(name))
        # Numbered anew after each column, so that the product of many columns' sizes cannot overflow.
        _, combined = np.unique(combined * len(texts) + codes, return_inverse=True)
    _, firsts = np.unique(combined, return_index=True)
    cells = [[block.column(name)[int(row)].as_py() for name in header.coded] for row in firsts]
    return [reader.judge(dict(zip(header.coded, row, strict=True))) for row in cells], combined


def _encoded(column: pa.Array[Any]) -> tuple[list[str], np.ndarray[Any, np.dtype[np.int64]]]:
    """The different texts of a column, and which one each row has."""
    encoded = column.dictionary_encode()
    return [str(text) for text in encoded.dictionary.to_pylist()], encoded.indices.to_numpy(
        zero_copy_only=False
    ).astype(np.int64)


def _finish(found: _Found, lines: Lines, header: Header) -> Delivery:
    if not found.index:
        return Delivery(nothing(), tuple(found.refusals))
    columns = Columns.make(
        list(found.places),
        np.concatenate(found.index),
        np.concatenate(found.time_us),
        np.concatenate(found.value),
        np.concatenate(found.quality),
    )
    numbers = np.concatenate(found.line)
    is_single = _single(columns, numbers, lines, found)
    kept = numbers[is_single]
    columns = columns.take(is_single)

    fields = {"time_us": header.time, "value": header.value}

    def place(row: int) -> Located:
        number = int(kept[row])
        return Located(number, lines.text(number), fields=fields)

    return Delivery(columns, tuple(found.refusals), place)


def _single(
    columns: Columns, numbers: np.ndarray[Any, np.dtype[np.int64]], lines: Lines, found: _Found
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The mask of rows to keep: a key and period that stands twice is refused, wholly where the values differ."""
    order = np.lexsort((columns.time_us, columns.index))
    index, time_us, value = columns.index[order], columns.time_us[order], columns.value[order]
    keep = np.ones(len(columns), np.bool_)
    begins = np.ones(len(columns), np.bool_)
    begins[1:] = (index[1:] != index[:-1]) | (time_us[1:] != time_us[:-1])
    starts = np.append(np.flatnonzero(begins), len(columns))
    for start, end in zip(
        starts[:-1][np.diff(starts) > 1].tolist(), starts[1:][np.diff(starts) > 1].tolist(), strict=True
    ):
        is_same = bool((value[start:end] == value[start]).all())
        first, second = int(numbers[order[start]]), int(numbers[order[start + 1]])
        for place in range(start + 1 if is_same else start, end):
            row = int(order[place])
            keep[row] = False
            facts = {"first": str(first if place > start else second)}
            found.refuse(lines, int(numbers[row]), Rule.DUPLICATE_KEY, "", facts)
    return keep
