"""What can go wrong at the doors, by name."""

from __future__ import annotations

from collections.abc import Sequence

from ioc_kit.errors import Conflict, FieldViolation, InvalidInput, NotFound


class ColumnsInvalid(InvalidInput):
    """The columns of a batch do not fit together: nothing of the batch was taken."""

    def __init__(self, violations: Sequence[FieldViolation]) -> None:
        super().__init__(
            f"the batch cannot be read: {violations[0].field} {violations[0].description}", *violations[:20]
        )


class UnequalColumns(ColumnsInvalid):
    """The columns of a batch differ in length."""

    reason = "UNEQUAL_COLUMNS"


class BatchTooLarge(InvalidInput):
    """The batch has more rows than one may have."""

    reason = "BATCH_TOO_LARGE"

    def __init__(self, rows: int, limit: int) -> None:
        super().__init__(
            f"the batch has {rows} rows; send at most {limit} in one",
            FieldViolation("batch.series_index", f"has {rows} rows, at most {limit} are taken"),
            rows=rows,
            limit=limit,
        )


class ContentHashMismatch(InvalidInput):
    """The stamp covers other content than what came: something changed it on the way."""

    reason = "CONTENT_HASH_MISMATCH"

    def __init__(self, batch_id: str) -> None:
        super().__init__(
            f"the stamp of batch {batch_id!r} was made over other content",
            FieldViolation("stamp.content_sha256", "is not the SHA-256 of the batch's deterministic serialisation"),
            batch_id=batch_id,
        )


class BatchConflict(Conflict):
    """The batch id was used before for other content."""

    reason = "BATCH_ID_REUSED"

    def __init__(self, batch_id: str) -> None:
        super().__init__(
            f"batch id {batch_id!r} was received before with other content; send corrected data under a new id",
            batch_id=batch_id,
        )


class FileUnreadable(InvalidInput):
    """A file that cannot be read at all: nothing of it was taken."""

    reason = "FILE_UNREADABLE"

    def __init__(self, place: str, description: str) -> None:
        super().__init__(f"the file was not taken: {description}", FieldViolation(place, description), place=place)


class FileTooLarge(InvalidInput):
    """A file with more bytes than one may have: nothing of it was taken."""

    reason = "FILE_TOO_LARGE"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"the file has more than {limit} bytes; split it", FieldViolation("piece", "is too much"), limit=limit
        )


class FormatUnknown(InvalidInput):
    """The form of the file is not known, or the contract does not take it."""

    reason = "FORMAT_UNKNOWN"

    def __init__(self, description: str) -> None:
        super().__init__(description, FieldViolation("header.format", description))


class SourceUnknown(NotFound):
    """The tenant has no contract for the source."""

    reason = "SOURCE_UNKNOWN"

    def __init__(self, source: str) -> None:
        super().__init__(f"no contract of yours covers source {source!r}", source=source)


class SeriesUnknown(NotFound):
    """No such series, or not for this caller."""

    reason = "SERIES_UNKNOWN"

    def __init__(self, key: str) -> None:
        super().__init__(f"no series {key!r}", series_key=key)


class QuarantineItemNotFound(NotFound):
    """No such quarantined reading, or not for this caller."""

    reason = "QUARANTINE_ITEM_NOT_FOUND"

    def __init__(self, item_id: str) -> None:
        super().__init__(f"no quarantine item {item_id!r}", item_id=item_id)
