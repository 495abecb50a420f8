"""The check of `twice` as what an endpoint depends on, for bodies that a model reads."""

import json

from fastapi import Request

from tocsin.calls.twice import given_twice
from tocsin.runtime.problems import Problem


async def each_once(request: Request) -> None:
    """Problem 422 `invalid` where the JSON body gives a field twice; what is no JSON is the model's to refuse."""
    content = await request.body()
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return
    if twice := given_twice(content, value):
        listed = [{"field": f, "message": m} for f, m in twice]
        raise Problem(422, "invalid", "The body gives a field twice; see 'errors'.", errors=listed)
