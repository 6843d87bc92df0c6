"""Bodies of our own endpoints: read as `bodies` reads them, but a field that nobody knows is a 422.

Existing programs send v1.2 more than it asks for; what is ours has no such past, and a misspelt field must be heard of.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

import orjson
from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from superfacility.http.bodies import BODY_LIMIT, FormBody, Pairs

Body = TypeVar("Body", bound=BaseModel)


class StrictBody(FormBody[Body]):
    """The dependency behind `strict_body`."""

    def _from_json(self, raw: bytes) -> dict[str, Any]:
        values = super()._from_json(raw)
        self._refuse_unknown(orjson.loads(raw))
        return values

    def _from_pairs(self, pairs: Pairs) -> dict[str, Any]:
        self._refuse_unknown(key for key, value in pairs if key or value)
        return super()._from_pairs(pairs)

    def _refuse_unknown(self, names: Iterable[str]) -> None:
        unknown = sorted(set(names) - self._fields.keys())
        if unknown:
            known = ", ".join(sorted(self._fields))
            raise RequestValidationError(
                [
                    {
                        "type": "extra_forbidden",
                        "loc": ("body", each[:100]),
                        "msg": f"Unknown field; there are: {known}",
                    }
                    for each in unknown[:10]
                ]
            )


def strict_body(model: type[Body], *, limit: int = BODY_LIMIT) -> Any:
    """`body: Annotated[Model, strict_body(Model)]`."""
    return Depends(StrictBody(model, limit))
