"""Errors as RFC 9457 problem documents, each with a stable code and the mend in its detail."""

from typing import Any

import orjson
from starlette.responses import Response

UNAUTHORIZED = 401


class Problem(Exception):
    """A refusal with its status, stable code, a sentence with the mend, and further members of the document."""

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers, self.more = status, code, detail, headers or {}, more

    @classmethod
    def invalid(cls, field: str, message: str, *, code: str = "invalid") -> "Problem":
        """422 for one bad field."""
        detail = "The request has fields that cannot be used; see 'errors'."
        return cls(422, code, detail, errors=[{"field": field, "message": message}])

    def response(self) -> Response:
        """The document. A 401 names the scheme that is asked for (RFC 9110, 11.6.1)."""
        headers = {"www-authenticate": "Bearer"} | self.headers if self.status == UNAUTHORIZED else self.headers
        body = {"type": "about:blank", "title": self.code.replace("_", " "), "status": self.status, "code": self.code,
                "detail": self.detail} | self.more  # fmt: skip
        return Response(orjson.dumps(body), self.status, headers, media_type="application/problem+json")
