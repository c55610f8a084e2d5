"""The OpenAPI document and the models behind it, held against the protos."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest

import ioc
import ioc_gateway.models
from ioc_gateway.app import make_app
from ioc_gateway.models.shown import Shown
from ioc_gateway.rendering import rendered, rendered_names
from ioc_kit import errors as kit_errors
from ioc_kit.auth import TokenRefused

NOT_OF_THE_PROTO = {"SourceStatus": {"age_seconds"}, "Source": {"status", "is_status_known"}}
LEFT_OUT = {"SourceStatus": {"source"}, "Receipt": {"stamp_verdict"}}
DOCUMENT = Path(__file__).parents[3] / "docs" / "api-problems.md"


def models() -> Iterator[type[Shown]]:
    """Every model that shows a proto."""
    for each in pkgutil.iter_modules(ioc_gateway.models.__path__):
        importlib.import_module(f"ioc_gateway.models.{each.name}")
    waiting = list(Shown.__subclasses__())
    while waiting:
        model = waiting.pop()
        waiting += model.__subclasses__()
        if model.proto is not None:
            yield model


def words_of(annotation: Any) -> set[str]:
    """The words that a field allows; empty when it is no choice."""
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    return set().union(*(words_of(each) for each in get_args(annotation)), set())


@pytest.mark.parametrize("model", list(models()), ids=lambda model: model.__name__)
def test_a_model_shows_the_whole_of_its_proto(model: type[Shown]) -> None:
    shown = {field.validation_alias or name for name, field in model.model_fields.items()}
    assert model.proto is not None
    # A model's field that no proto gives would fail at every answer; a proto's field left out is lost to front ends.
    given = rendered_names(model.proto.DESCRIPTOR) - LEFT_OUT.get(model.__name__, set())
    assert shown - NOT_OF_THE_PROTO.get(model.__name__, set()) == given


@pytest.mark.parametrize("model", list(models()), ids=lambda model: model.__name__)
def test_a_model_knows_every_word_of_an_enum(model: type[Shown]) -> None:
    assert model.proto is not None
    for field in model.proto.DESCRIPTOR.fields:
        if field.enum_type is None:
            continue
        words = set()
        for value in field.enum_type.values:
            message = model.proto()
            setattr(message, field.name, value.number)
            words.add(rendered(message)[field.name])
        name = "from_" if field.name == "from" else field.name
        # A word that the model does not know would fail every answer that holds it.
        assert words - {None} == words_of(model.model_fields[name].annotation), (model.__name__, field.name)


def test_every_kind_of_field_is_shown() -> None:
    from ioc.kpi.v1 import value_pb2

    value = value_pb2.IndicatorValue(value_id="v", value=0.0, components={"pm25": 1.5})
    value.age.FromMilliseconds(1500)
    value.period.start.FromJsonString("2026-11-23T01:00:00.000001Z")
    found = rendered(value)
    assert (found["value"], found["components"], found["age_seconds"]) == (0.0, {"pm25": 1.5}, 1.5)
    assert found["period"]["start"].isoformat() == "2026-11-23T01:00:00.000001+00:00"
    assert (found["comparison"], found["status"], found["missing_reason"], found["period"]["end"]) == (None,) * 4


def test_bytes_are_hex_for_hashes_and_base64_otherwise() -> None:
    from ioc.ingest.v1 import intake_pb2, quarantine_pb2

    assert rendered(intake_pb2.Receipt(content_sha256=b"\x01\xff"))["content_sha256"] == "01ff"
    assert rendered(quarantine_pb2.QuarantineItem(original=b"\x01\xff"))["original_base64"] == "Af8="


async def test_the_document_is_complete(gateway: Any) -> None:
    document = (await gateway.client().get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    operations = [(path, m, op) for path, item in document["paths"].items() for m, op in item.items()]
    ids = [op["operationId"] for _, _, op in operations]
    assert len(ids) == len(set(ids)) > 40
    for path, method, op in operations:
        assert op["summary"], path
        assert op["tags"], path
        if not op.get("security"):
            assert path in ("/healthz", "/readyz", "/api/v1/config")
            continue
        for status in ("400", "401", "403", "422", "429", "503"):
            content = op["responses"][status]["content"]
            assert list(content) == ["application/problem+json"], (path, method, status)
        if "{" in path:
            assert "404" in op["responses"], path
    text = str(document)
    assert "HTTPValidationError" not in text
    for reference in re.findall(r"#/components/schemas/(\w+)", text):
        assert reference in document["components"]["schemas"], reference


def test_models_have_names_that_say_what_they_are(gateway: Any) -> None:
    schemas = make_app(gateway.parts).openapi()["components"]["schemas"]
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+", name) for name in schemas), sorted(schemas)


def reasons() -> set[str]:
    """Every reason that a problem may carry: of the services' ErrorReason enums, the kit, and the gateway itself."""
    found = {"INVALID_REQUEST", "BODY_TOO_LARGE", "BODY_CUT_SHORT", "INTERNAL", "METHOD_REFUSED"}
    for name in ("registry", "ingest", "kpi", "alerts", "soc"):
        errors = importlib.import_module(f"{ioc.__name__}.{name}.v1.errors_pb2")
        found |= {
            word.removeprefix("ERROR_REASON_")
            for word in errors.ErrorReason.DESCRIPTOR.values_by_name
            if not word.endswith("UNSPECIFIED")
        }
    for module in ("errors", "events.hub", "taxii.app"):
        importlib.import_module(f"ioc_gateway.{module}")
    waiting = [kit_errors.IocError, TokenRefused]
    while waiting:
        kind = waiting.pop()
        if kind.__module__.startswith(("ioc_gateway.errors", "ioc_gateway.events", "ioc_kit")):
            found.add(kind.reason)
        waiting += kind.__subclasses__()
    return found


def test_every_reason_is_explained() -> None:
    listed = set(re.findall(r"^\| `([A-Z_]+)`", DOCUMENT.read_text(), re.MULTILINE))
    assert reasons() - listed == set(), "explain these in docs/api-problems.md"
