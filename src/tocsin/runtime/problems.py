"""Errors as RFC 9457 problem documents, each with a stable code and the mend in its detail."""

from typing import Any

import orjson
from starlette.responses import Response


class Problem(Exception):
    """A refusal with its status, stable code, a sentence with the mend, and further members of the document."""

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers, self.more = status, code, detail, headers or {}, more

    def response(self) -> Response:
        """The document."""
        body = {"type": "about:blank", "title": self.code.replace("_", " "), "status": self.status, "code": self.code,
                "detail": self.detail} | self.more  # fmt: skip
        return Response(orjson.dumps(body), self.status, self.headers, media_type="application/problem+json")
