"""Two token services on one database, as two server processes have them: goals S2 and S3."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

import pytest

from superfacility.adapters.sql import (
    SqlAssertionLog,
    SqlClientStore,
    SqlPeople,
    SqlRevokedTokens,
    migrate,
    open_database,
)
from superfacility.core.clock import SystemClock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import User, UserName
from superfacility.oauth.assertions import Profile
from superfacility.oauth.errors import AccessRefused
from superfacility.services.access.tokens import TokenService
from superfacility.services.clients import ClientService
from superfacility.testing.tokens import Program, token_form

ISSUER = "https://facility.example"
TOKEN_URL = f"{ISSUER}/oauth2/token"
HERE = "127.0.0.1"


@dataclass
class Process:
    """What one server process holds."""

    tokens: TokenService
    clients: ClientService
    people: SqlPeople
    revoked: SqlRevokedTokens


@pytest.fixture
async def processes(tmp_path, signing_keys) -> AsyncIterator[list[Process]]:
    path, clock = tmp_path / "facility.db", SystemClock()
    migrate(path)
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(2):
            database = open_database(path)
            stack.push_async_callback(database.aclose)
            store, people = SqlClientStore(database), SqlPeople(database)
            revoked = SqlRevokedTokens(database)
            tokens = TokenService(
                clients=store,
                assertions=SqlAssertionLog(database),
                people=people,
                keys=signing_keys,
                issuer=ISSUER,
                audience=f"{ISSUER}/api/v1.2",
                token_urls=(TOKEN_URL,),
                profile=Profile.COMPAT,
                clock=clock,
                revoked=revoked,
            )
            made.append(Process(tokens, ClientService(store, people, clock), people, revoked))
        await made[0].people.save_user(User(1001, UserName("demo1")), _audit(), new=True)
        yield made


def _audit() -> AuditEntry:
    return AuditEntry(SystemClock().now(), "test", "test.change", "something")


async def _program(process: Process) -> Program:
    program = Program(TOKEN_URL)
    await process.clients.clients.save(program.client("demo1", SystemClock().now()), _audit(), new=True)
    return program


async def _token(process: Process, program: Program) -> str:
    form = token_form(program.assertion(SystemClock().now()))
    answer = await process.tokens.issue({name: [value] for name, value in form.items()}, HERE)
    token: str = answer["access_token"]
    return token


async def test_a_thousand_replays_over_all_processes_give_one_token(processes):
    program = await _program(processes[0])
    form = {name: [value] for name, value in token_form(program.assertion(SystemClock().now())).items()}
    results = await asyncio.gather(
        *(processes[number % 2].tokens.issue(form, HERE) for number in range(1000)), return_exceptions=True
    )
    assert sum(isinstance(result, dict) for result in results) == 1


async def test_revoked_in_one_process_is_refused_by_the_other_at_once(processes):
    operator, server = processes
    program = await _program(operator)
    token = await _token(server, program)
    assert (await server.tokens.authenticate(token, HERE)).client_id == program.client_id
    await operator.clients.revoke(program.client_id, actor="operator:root")
    with pytest.raises(AccessRefused, match="was revoked"):
        await server.tokens.authenticate(token, HERE)


async def test_a_user_blocked_in_one_process_is_refused_by_the_other_at_once(processes):
    operator, server = processes
    token = await _token(server, await _program(operator))
    assert (await server.tokens.authenticate(token, HERE)).user.name == "demo1"
    await operator.people.save_user(User(1001, UserName("demo1"), active=False), _audit())
    with pytest.raises(AccessRefused, match="not active"):
        await server.tokens.authenticate(token, HERE)


async def test_a_token_given_back_in_one_process_is_refused_by_the_other_at_once(processes):
    here, there = processes
    program = await _program(here)
    token, other = await _token(here, program), await _token(here, program)
    for each in (token, other):
        await there.tokens.authenticate(each, HERE)
    read = here.tokens.read(token)
    await here.revoked.revoke(program.client_id, read.jti, SystemClock().now() + timedelta(minutes=10), _audit())
    with pytest.raises(AccessRefused, match="given back"):
        await there.tokens.authenticate(token, HERE)
    assert (await there.tokens.authenticate(other, HERE)).client_id == program.client_id
