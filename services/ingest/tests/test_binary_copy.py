import asyncpg
import numpy as np
import pytest

from ioc_ingest.store.binary_copy import HEADER, POSTGRES_EPOCH_US, TRAILER, chunks, decode, encode


async def test_what_numpy_encodes_postgresql_reads_and_the_other_way_round(postgres):
    connection = await asyncpg.connect(postgres.url())
    try:
        await connection.execute(
            "CREATE TEMPORARY TABLE t (a integer, b text, c timestamptz, d double precision, e smallint, f bigint)"
        )
        columns = {
            "a": np.array([1, -2, 3], np.int32),
            "b": "Nghệ An".encode(),
            "c": np.array([0, 1_795_395_600_000_000, -5], np.int64) - POSTGRES_EPOCH_US,
            "d": np.array([0.1, -1e300, 5.0]),
            "e": np.array([1, 2, -3], np.int16),
            "f": np.array([2**62, 0, -1], np.int64),
        }

        async def stream():
            for chunk in chunks([encode(columns, 3), encode(columns, 3)]):
                yield chunk

        await connection.copy_to_table("t", source=stream(), format="binary")
        rows = await connection.fetch("SELECT a, b, extract(epoch FROM c)::bigint AS c, d, e, f FROM t LIMIT 3")
        assert [tuple(row) for row in rows] == [
            (1, "Nghệ An", 0, 0.1, 1, 2**62),
            (-2, "Nghệ An", 1_795_395_600, -1e300, 2, 0),
            (3, "Nghệ An", 0, 5.0, -3, -1),
        ]
        data = bytearray()

        async def collect(chunk):
            data.extend(chunk)

        await connection.copy_from_query("SELECT a, d, e, f FROM t", output=collect, format="binary")
        found = decode(bytes(data), (("a", "i4"), ("d", "f8"), ("e", "i2"), ("f", "i8")))
        assert found["a"].tolist() == [1, -2, 3] * 2
        assert found["d"].tolist() == [0.1, -1e300, 5.0] * 2
    finally:
        await connection.close()


@pytest.mark.parametrize("data", [b"", HEADER + b"\x00" + TRAILER, b"x" * 40])
def test_what_is_no_copy_of_the_columns_is_refused(data):
    with pytest.raises(ValueError, match="binary COPY"):
        decode(data, (("a", "i4"),))


def test_a_copy_without_rows_decodes_to_none():
    assert decode(HEADER + TRAILER, (("a", "i4"),)).size == 0
