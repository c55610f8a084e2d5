"""Why a reading is refused: the rules, and what each tells people in Vietnamese and English."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Rule(IntEnum):
    """Rules in the order in which they are tried; the first that is broken names the refusal. 0 = accepted."""

    NONE = 0
    NOT_READABLE = 1
    COLUMN_MISSING = 2
    SERIES_UNKNOWN = 3
    TIME_NOT_READABLE = 4
    VALUE_NOT_READABLE = 5
    UNIT_WRONG = 6
    MEASURE_UNKNOWN = 7
    AREA_UNKNOWN = 8
    CODE_UNKNOWN = 9
    VALUE_NOT_FINITE = 10
    QUALITY_UNKNOWN = 11
    TIME_IN_FUTURE = 12
    TIME_TOO_LATE = 13
    PERIOD_START_WRONG = 14
    CONTRACT_NOT_IN_FORCE = 15
    VALUE_OUT_OF_RANGE = 16
    DUPLICATE_KEY = 17
    ACTION_UNSUPPORTED = 18
    PAYLOAD_TOO_LARGE = 19
    DEVICE_NOT_BOUND = 20
    CONSTANT_WRONG = 21

    @property
    def code(self) -> str:
        """The stable name outside, e.g. `value-out-of-range`."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence in both languages."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reading (or line, or payload) that was refused. `row` counts from 1 in the batch, file or payload."""

    row: int
    rule: Rule
    field: str
    """The column or field at fault, as the sender named it."""
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What was found and what was expected; the texts are made of it."""
    original: str = ""
    """The line, payload or reading as it came, cut at MAX_ORIGINAL characters; control characters as escapes."""
    series_key: str = ""
    origin: str = ""
    """Who sent it, where a batch holds what several sent: the device. Empty takes the batch's."""
    original_bytes: int = 0
    """How long the original was before it was cut; 0 when it was not."""

    @property
    def reason(self) -> Text:
        """What is wrong."""
        return _fill(_TEXTS[self.rule][0], self.facts)

    @property
    def remedy(self) -> Text:
        """What the sender can do."""
        return _fill(_TEXTS[self.rule][1], self.facts)


MAX_ORIGINAL = 2000


def printable(text: str) -> str:
    """Control characters as escapes: PostgreSQL stores no NUL, and no sender drives the terminal of who reads it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def _fill(text: Text, facts: Mapping[str, str]) -> Text:
    known = _Facts(facts)
    return Text(text.vi.format_map(known), text.en.format_map(known))


_TEXTS: dict[Rule, tuple[Text, Text]] = {
    Rule.NOT_READABLE: (
        Text("Không đọc được: {problem}.", "Cannot be read: {problem}."),
        Text("Gửi đúng định dạng: {expected}.", "Send the agreed format: {expected}."),
    ),
    Rule.COLUMN_MISSING: (
        Text(
            "Dòng có {found} ô, tiêu đề có {expected} cột.",
            "The line has {found} cells, the header {expected} columns.",
        ),
        Text(
            "Sửa dòng cho đủ số ô; dùng dấu chấm thập phân, chữ có dấu phẩy phải nằm trong ngoặc kép.",
            "Give the line as many cells as the header; use a decimal point, and quote text that holds a comma.",
        ),
    ),
    Rule.SERIES_UNKNOWN: (
        Text(
            "Hợp đồng dữ liệu không có chuỗi «{series}».",
            "No contract of yours has the series '{series}'.",
        ),
        Text(
            "Kiểm tra khóa chuỗi, hoặc đề nghị bổ sung vào hợp đồng dữ liệu.",
            "Check the series key, or ask for it to be added to the contract.",
        ),
    ),
    Rule.TIME_NOT_READABLE: (
        Text("Thời gian «{found}» không đọc được.", "The time '{found}' cannot be read."),
        Text("Ghi theo dạng {expected}.", "Write it as {expected}."),
    ),
    Rule.VALUE_NOT_READABLE: (
        Text("Giá trị «{found}» không phải là số.", "The value '{found}' is not a number."),
        Text(
            "Dùng dấu chấm thập phân, không dùng dấu phân cách hàng nghìn.",
            "Use a decimal point and no thousands separator.",
        ),
    ),
    Rule.UNIT_WRONG: (
        Text(
            "Đơn vị «{found}», hợp đồng yêu cầu «{expected}».", "The unit is '{found}', the contract says '{expected}'."
        ),
        Text("Đổi giá trị sang đơn vị {expected} rồi gửi lại.", "Convert the value to {expected} and send it again."),
    ),
    Rule.MEASURE_UNKNOWN: (
        Text("Hợp đồng không có đại lượng «{found}».", "The contract has no measure '{found}'."),
        Text("Dùng một trong: {expected}.", "Use one of: {expected}."),
    ),
    Rule.AREA_UNKNOWN: (
        Text(
            "Mã địa bàn «{found}» không có trong hợp đồng (có thể đã sáp nhập).",
            "The contract has no area '{found}' (it may have been merged into another).",
        ),
        Text("Dùng mã địa bàn hiện hành, ví dụ {expected}.", "Use a current area code, for instance {expected}."),
    ),
    Rule.CONSTANT_WRONG: (
        Text(
            "Cột {column} ghi «{found}», phải là «{expected}».",
            "Column {column} says '{found}', it must say '{expected}'.",
        ),
        Text(
            "Ghi «{expected}», hoặc nộp đúng tệp của nguồn này.", "Write '{expected}', or send the file of this source."
        ),
    ),
    Rule.CODE_UNKNOWN: (
        Text("Mã «{found}» không có trong danh mục {dimension}.", "The code '{found}' is not in the list {dimension}."),
        Text("Dùng một trong: {expected}.", "Use one of: {expected}."),
    ),
    Rule.VALUE_NOT_FINITE: (
        Text("Giá trị không phải là số hữu hạn.", "The value is not a finite number."),
        Text("Bỏ số đọc hỏng, không gửi NaN hay vô cực.", "Leave out a broken reading; send neither NaN nor infinity."),
    ),
    Rule.QUALITY_UNKNOWN: (
        Text("Mã chất lượng {found} không có.", "There is no quality code {found}."),
        Text("Dùng mã từ 0 đến {expected}.", "Use a code from 0 to {expected}."),
    ),
    Rule.TIME_IN_FUTURE: (
        Text(
            "Thời gian {found} ở tương lai (nhận lúc {received}).",
            "The time {found} is in the future (received {received}).",
        ),
        Text("Chỉnh đồng hồ thiết bị (NTP) và múi giờ.", "Set the device's clock (NTP) and its time zone."),
    ),
    Rule.TIME_TOO_LATE: (
        Text(
            "Thời gian {found} cũ hơn hạn {expected} của hợp đồng.",
            "The time {found} is older than the contract's {expected}.",
        ),
        Text(
            "Kiểm tra đồng hồ; số liệu cũ hơn cần được thỏa thuận trong hợp đồng.",
            "Check the clock; older data need an agreement in the contract.",
        ),
    ),
    Rule.PERIOD_START_WRONG: (
        Text(
            "Thời gian {found} không phải là đầu kỳ ({expected}, giờ Việt Nam).",
            "The time {found} is not the start of a period ({expected}, Viet Nam time).",
        ),
        Text("Ghi thời điểm bắt đầu kỳ.", "Send the moment at which the period starts."),
    ),
    Rule.CONTRACT_NOT_IN_FORCE: (
        Text("Hợp đồng không có hiệu lực vào {found}.", "The contract is not in force at {found}."),
        Text(
            "Gia hạn hợp đồng, hoặc chỉ gửi số liệu trong hiệu lực.",
            "Extend the contract, or send data of its validity only.",
        ),
    ),
    Rule.VALUE_OUT_OF_RANGE: (
        Text(
            "Giá trị {found} ngoài khoảng {expected} của hợp đồng.",
            "The value {found} is outside the contract's {expected}.",
        ),
        Text("Kiểm tra cảm biến và đơn vị đo.", "Check the sensor and the unit."),
    ),
    Rule.DUPLICATE_KEY: (
        Text("Trùng khóa và kỳ với dòng {first}.", "The same key and period as line {first}."),
        Text("Giữ lại một dòng cho mỗi khóa và kỳ.", "Keep one line for each key and period."),
    ),
    Rule.ACTION_UNSUPPORTED: (
        Text("Không nhận ACTION «{found}».", "ACTION '{found}' is not taken."),
        Text(
            "Dùng I, A, R hoặc M; số liệu không bị xóa, hãy gửi giá trị đúng để tạo bản sửa.",
            "Use I, A, R or M; data are never deleted: send the right value, which makes a new revision.",
        ),
    ),
    Rule.PAYLOAD_TOO_LARGE: (
        Text(
            "Gói tin {found} byte, tối đa {expected}.", "The payload has {found} bytes, at most {expected} are taken."
        ),
        Text("Chia thành nhiều gói nhỏ hơn.", "Split it into smaller messages."),
    ),
    Rule.DEVICE_NOT_BOUND: (
        Text("Thiết bị «{found}» chưa được hợp đồng nào khai báo.", "No contract binds the device '{found}'."),
        Text("Khai báo thiết bị trong hợp đồng dữ liệu.", "Name the device in the data contract."),
    ),
}
