"""Bare Starlette: `python -m benchmarks.bare FOLDER PORT` serves each `NAME.body` of the folder at `/NAME`."""

import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def main() -> None:
    bodies = {path.stem: path.read_bytes() for path in Path(sys.argv[1]).glob("*.body")}

    async def answer(request: Request) -> Response:
        return Response(bodies[request.path_params["name"]], media_type="application/json")

    app = Starlette(routes=[Route("/{name}", answer)])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
