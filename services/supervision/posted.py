"""What is posted to supervision: read by hand, so that who asks is known first and every door reads JSON alike."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import AliasChoices, BaseModel, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from tocsin.runtime.bodies import bounded, json_of

BODY_MAX = 256 * 1024
_TEXT_MAX = 64 * 1024
M = TypeVar("M", bound=BaseModel)


class Complainant(BaseModel):
    """Who complains; kept sealed."""

    name: str = Field("", max_length=200)
    number: str = Field("", max_length=40)


class ComplaintBody(BaseModel):
    """A complaint about an agency, taken down for somebody: `complainant`, or `name` and `number` beside the rest."""

    agency: str = Field(max_length=64, validation_alias=AliasChoices("agency", "against"))
    text: str = Field(min_length=1, max_length=_TEXT_MAX)
    incident_id: str = Field("", max_length=64)
    name: str = Field("", max_length=200)
    number: str = Field("", max_length=40)
    complainant: Complainant = Complainant()

    @field_validator("text")
    @classmethod
    def _says_something(cls, text: str) -> str:
        if not text.strip():
            raise PydanticCustomError("blank", "is empty; say what is complained of")
        return text

    @property
    def who(self) -> str:
        """The complainant's name and number."""
        given = (self.name or self.complainant.name, self.number or self.complainant.number)
        return " ".join(x for x in given if x)


class EndBody(BaseModel):
    """What came of a complaint, and whether the complainant was told."""

    outcome: Literal["upheld", "unfounded", "settled", "withdrawn"]
    told: Literal["told", "unreachable", "anonymous", "declined", "unsafe"]
    text: str = Field("", max_length=_TEXT_MAX)


def posted(model: type[M]) -> Callable[[Request], Awaitable[M]]:
    """Reads a body as this model: 413 over 256 KiB, 422 with an entry for each field that cannot be used.

    A dependency named after the one that says who asks is read after it: 401 and 403 come before any of a body.
    """

    async def read(request: Request) -> M:
        value = json_of(await bounded(request, BODY_MAX))
        try:
            return model.model_validate(value)
        except ValidationError as e:
            raise RequestValidationError(e.errors()) from e

    return read


def described(model: type[BaseModel]) -> dict[str, Any]:
    """The body for the OpenAPI document, written out: what is read by hand is described by hand."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": _inlined(schema, parts)}}}}


def _inlined(value: Any, parts: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_inlined(v, parts) for v in value]
    if not isinstance(value, dict):
        return value
    name = str(value.get("$ref", "")).rpartition("/")[2]
    return {k: _inlined(v, parts) for k, v in (parts.get(name, {}) | value).items() if k != "$ref"}
