"""The peer of intake: a typed JSON body and nothing done with it. Run as `python -m tocsin.bench.noop PORT`."""

import asyncio
import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Body(BaseModel):
    """As much of a call as a no-op needs to validate."""

    call_id: str
    line: str
    text: str = ""
    channel: str = "voice"
    caller: dict[str, str] | None = None
    location: dict[str, object] | None = None


app = FastAPI()


@app.post("/v1/calls", status_code=202)
async def accept(body: Body) -> dict[str, str]:
    """Says yes."""
    return {"call_id": body.call_id}


if __name__ == "__main__":
    config = uvicorn.Config(
        app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False, loop="uvloop"
    )
    asyncio.run(uvicorn.Server(config).serve())
