"""What all models share: texts in two languages, citations, periods, grades, pages, problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

from google.protobuf.message import Message
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ioc.type.v1 import period_pb2, quality_pb2, text_pb2
from ioc_gateway.rendering import rendered

T = TypeVar("T", bound="Shown")
PeriodKind = Literal["instant", "hour", "day", "week", "month", "quarter", "year"]
Quality = Literal["good", "uncertain", "bad", "provisional"]
Verification = Literal["verified", "secondary", "general-knowledge", "unverified"]


class Shown(BaseModel):
    """A message of a service as REST shows it; `proto` is the message it comes from."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    proto: ClassVar[type[Message] | None] = None

    @classmethod
    def of(cls, message: Message, **more: object) -> Self:
        """The model of a message; `more` are fields that the message does not have."""
        return cls.model_validate({**rendered(message), **more})


class Text(BaseModel):
    """A text in Vietnamese and English; `en` is empty where nobody has translated it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"vi": "Thành phố Vinh", "en": "Vinh city"}]})
    vi: str
    en: str


class Citation(Shown):
    """A place in an instrument of law or a standard."""

    proto = text_pb2.Citation
    instrument: str = Field(description="Code of the instrument, e.g. `KH-655`")
    article: str = Field(description="Article, clause or annex")
    issued_on: str = Field(description="Day of issue, YYYY-MM-DD; empty when unknown")
    text: str = Field(description="What it says, in short")
    verification: Verification | None = Field(description="How sure the citation is")


class Period(Shown):
    """A period from `start` inclusive to `end` exclusive, cut by the clock of Vinh, written in UTC."""

    proto = period_pb2.Period
    kind: PeriodKind | None
    start: AwareDatetime | None
    end: AwareDatetime | None


class Grade(Shown):
    """One of the four grades."""

    proto = quality_pb2.Grade
    score: float = Field(description="0 (worst) to 1 (best)")
    level: Literal["good", "fair", "poor"] | None
    reason_vi: str
    reason_en: str


class Grades(Shown):
    """Đúng, đủ, sạch, sống: the four grades of guidance 1709/BKHCN-CĐSQG."""

    proto = quality_pb2.Grades
    correct: Grade | None = Field(description="Đúng: right as far as quality marks and refusals tell")
    complete: Grade | None = Field(description="Đủ: as many readings as the cadence says")
    clean: Grade | None = Field(description="Sạch: units, codes and ranges as the contract says")
    live: Grade | None = Field(description="Sống: the newest reading is young enough")


class Page(BaseModel, Generic[T]):
    """A page of a list."""

    items: list[T]
    next_page_token: str = Field(description="Send it as `page_token` for the next page; empty on the last one")


class FieldProblem(BaseModel):
    """One wrong field of a request."""

    field: str
    description: str


class Problem(BaseModel):
    """Why a request failed (RFC 9457). `type` and `reason` never change their meaning; `detail` is for people."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:ioc:problem:tenant-forbidden",
                    "title": "Forbidden",
                    "status": 403,
                    "detail": "tenant 'vinh' is not yours to read",
                    "reason": "TENANT_FORBIDDEN",
                    "facts": {"tenant": "vinh"},
                }
            ]
        }
    )
    type: str = Field(description="`urn:ioc:problem:` and the reason in lower case with dashes")
    title: str
    status: int
    detail: str
    reason: str
    facts: Mapping[str, str] | None = None
    errors: list[FieldProblem] | None = Field(
        default=None, description="The wrong fields, when single fields are wrong"
    )
    trace_id: str | None = Field(default=None, description="Tell it to the operator when you ask for help")


def example(**values: Any) -> ConfigDict:
    """The configuration of a model with one example."""
    return ConfigDict(extra="ignore", frozen=True, json_schema_extra={"examples": [values]})
