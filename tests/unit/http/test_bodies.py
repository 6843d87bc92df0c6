"""Bodies as people send them."""

import json
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from superfacility.http import errors
from superfacility.http.bodies import form_body


class Form(BaseModel):
    text: str
    flag: bool = False
    number: int | None = None
    items: list[str] = []
    wire_name: str = Field(default="usual", alias="wireName")


def application() -> FastAPI:
    app = FastAPI()
    errors.install(app)

    @app.post("/")
    async def echo(body: Annotated[Form, form_body(Form, limit=100_000)]) -> Form:
        return body

    return app


APP = application()


async def post(**options) -> httpx.Response:
    transport = httpx.ASGITransport(APP)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
        return await http.post("/", **options)


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("text=a+b%26c&flag=True", {"text": "a b&c", "flag": True}),
        ("text=a&flag=FALSE&number=&items=", {"text": "a", "flag": False, "number": None, "items": []}),
        ("text=a&items=1&items=&items=2", {"items": ["1", "2"]}),
        ("text=&unknown=1&=2&&", {"text": ""}),
        ("text=100%&flag=1", {"text": "100%", "flag": True}),
        ("text=%zz%C3", {"text": "%zz\ufffd"}),
        ("text=a&wireName=b&wire_name=c", {"wireName": "b"}),
        ("text=cat > f << EOF && date +%s\nflag & x=1\nEOF\n", {"text": "cat > f << EOF && date +%s\nflag & x=1\nEOF"}),
        ("flag=true&text=ls | wc -l & number", {"text": "ls | wc -l & number", "flag": True}),
    ],
)
async def test_forms(raw, expected):
    for headers in (FORM, {}, {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}):
        answer = await post(content=raw, headers=headers)
        assert answer.status_code == 200, answer.text
        assert expected.items() <= answer.json().items()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"text": "a", "items": "x", "number": None}, {"items": ["x"], "number": None}),
        ({"text": "a", "items": ["x", ""], "other": {}}, {"items": ["x"]}),
    ],
)
async def test_json(value, expected):
    answer = await post(json=value)
    assert answer.status_code == 200, answer.text
    assert expected.items() <= answer.json().items()


async def test_multipart():
    parts = [("text", (None, "a b")), ("items", (None, "1")), ("items", ("name.txt", b"2\xff"))]
    answer = await post(files=parts)
    assert answer.status_code == 200, answer.text
    assert answer.json()["items"] == ["1", "2\ufffd"]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        ("", "application/x-www-form-urlencoded"),
        ("flag=true", "application/x-www-form-urlencoded"),
        ("text=a&flag=perhaps", "application/x-www-form-urlencoded"),
        ("text=a&number=1e3x", "application/x-www-form-urlencoded"),
        ("[]", "application/json"),
        ('{"text": 1}', "application/json"),
        ('{"text": "\\ud800"}', "application/json"),
        ("[" * 9_000, "application/json"),
        ("--x", "multipart/form-data"),
        ("nonsense", "multipart/form-data; boundary=x"),
    ],
)
async def test_wrong_bodies(content, content_type):
    answer = await post(content=content, headers={"Content-Type": content_type})
    assert answer.status_code == 422, answer.text
    for problem in answer.json()["detail"]:
        assert problem["loc"][0] == "body"
        assert problem["msg"]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        ("&" * 5000, "application/x-www-form-urlencoded"),
        ("text=a b" + "&items=" * 5000, "application/x-www-form-urlencoded"),
        ('{"text": "a", "items": [' + "1," * 5000 + "1]}", "application/json"),
    ],
)
async def test_too_many_fields_are_one_problem(content, content_type):
    answer = await post(content=content, headers={"Content-Type": content_type})
    assert answer.status_code == 422
    assert [problem["type"] for problem in answer.json()["detail"]] == ["too_long"]


async def test_too_long():
    answer = await post(content="text=" + "a" * 100_000, headers=FORM)
    assert answer.status_code == 413


@given(st.binary(max_size=200), st.sampled_from(["application/x-www-form-urlencoded", "application/json", "x/y"]))
async def test_no_bytes_are_a_server_error(content, content_type):
    answer = await post(content=content, headers={"Content-Type": content_type})
    assert answer.status_code in {200, 422}


@given(st.dictionaries(st.sampled_from(["text", "wireName"]), st.text(), min_size=1))
async def test_encoded_text_survives(values):
    values = {"text": "", **values}
    answer = await post(data=values)
    assert answer.status_code == 200, json.dumps(values)
    assert answer.json()["text"] == values["text"]
