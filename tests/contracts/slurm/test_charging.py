"""What a job on a real Slurm has used is found in its accounting, and charged to the project that it names."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from superfacility.adapters.slurm.adapter import SlurmScheduler
from superfacility.core.clock import SystemClock
from superfacility.facility.accounting.charges import Rate
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Unavailable
from superfacility.facility.jobs import JobScript
from superfacility.facility.people import Project, ProjectName, Role, User, UserName
from superfacility.facility.systems import Facility, System, SystemName
from superfacility.facility.transport import Transport
from superfacility.services.accounting.charges import ChargeService
from superfacility.testing.contracts.scheduler import new_intent
from superfacility.testing.stores import Memory, MemoryEventLog, MemoryLedger, MemoryPeople

PATIENCE = 120.0
M0001 = ProjectName("m0001")
SCRIPT = "#!/bin/sh\n#SBATCH -A m0001 -q debug -t 5 -n 1\nsleep 2\n"


@pytest.mark.timeout(300)
async def test_a_job_is_charged_once_with_the_time_that_it_ran(
    open_slurm: Callable[..., SlurmScheduler], person: Callable[[str], User], transport: Transport
) -> None:
    alice, scheduler, clock, memory = person("alice"), open_slurm(), SystemClock(), Memory()
    people, ledger = MemoryPeople(memory), MemoryLedger(memory)
    audit = AuditEntry(clock.now(), "operator:test", "test.fill", "everything")
    await people.save_user(alice, audit, new=True)
    await people.save_project(Project(1, M0001), audit, new=True)
    await people.set_membership(M0001, UserName(alice.name), Role.USER, audit)
    system = System(SystemName("perlmutter"), "Perlmutter", transport, (), scheduler, Rate(1))
    facility = Facility("test", {"perlmutter": system})
    charges = ChargeService(ledger, people, facility, clock, events=MemoryEventLog(memory))
    await charges.collect(system)
    before = sum(each.node_hours for each in await ledger.usage(projects=[M0001]))
    job_id = await scheduler.submit(alice, JobScript(SCRIPT), new_intent())
    async with asyncio.timeout(PATIENCE):
        while not any(charge.job_id == job_id for charge in memory.charges.values()):
            with suppress(Unavailable):
                await charges.collect(system)
            await asyncio.sleep(0.2)
    (charge,) = [each for each in memory.charges.values() if each.job_id == job_id]
    assert (charge.user, charge.project) == (alice.name, M0001)
    assert 2 / 3600 <= charge.node_hours < PATIENCE / 3600
    await charges.collect(system)
    assert [each for each in memory.charges.values() if each.job_id == job_id] == [charge]
    after = sum(each.node_hours for each in await ledger.usage(projects=[M0001]))
    assert round(after - before - charge.node_hours, 9) >= 0  # others may be charged meanwhile
