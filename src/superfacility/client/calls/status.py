"""`/status` and `/meta`: what anybody may know."""

from collections.abc import Mapping

from superfacility.client.errors import ConfigurationError
from superfacility.client.records.reading import flat_rows, rows
from superfacility.client.records.status import Note, Outage, Resource
from superfacility.client.wire.session import Ask, Session, part


class StatusCalls:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def resources(self) -> tuple[Resource, ...]:
        """All systems, filesystems and services."""
        found = await self.session.json(Ask("GET", "status", public=True))
        return tuple(map(Resource.of, rows(found)))

    async def resource(self, name: str) -> Resource:
        """One of them; `NotFound`."""
        return Resource.of(await self.session.json(Ask("GET", f"status/{part(name)}", public=True)))

    async def outages(self, resource: str | None = None, *, planned: bool = False) -> tuple[Outage, ...]:
        """Past, present and planned ones, or planned ones alone."""
        path = "status/outages/planned" if planned else "status/outages"
        return tuple(map(Outage.of, flat_rows(await self._of_resource(path, resource))))

    async def notes(self, resource: str | None = None) -> tuple[Note, ...]:
        """Announcements."""
        return tuple(map(Note.of, flat_rows(await self._of_resource("status/notes", resource))))

    async def configuration(self) -> Mapping[str, str]:
        """What the facility says of itself: `facility.name`, `compute.targets` …"""
        found = await self.session.json(Ask("GET", "meta/config", public=True))
        return {str(row["key"]): str(row.get("value") or "") for row in rows(found)}

    async def systems(self) -> tuple[str, ...]:
        """Names of the systems that run jobs."""
        targets = (await self.configuration()).get("compute.targets", "")
        return tuple(name.strip() for name in targets.split(",") if name.strip())

    async def only_system(self) -> str:
        """The system that runs jobs, where there is just one."""
        found = await self.systems()
        if len(found) != 1:
            raise ConfigurationError(f"There are several systems: {', '.join(found)}. Name one.")
        return found[0]

    async def _of_resource(self, path: str, resource: str | None) -> list[object]:
        if resource is None:
            found: list[object] = await self.session.json(Ask("GET", path, public=True))
            return found
        return [await self.session.json(Ask("GET", f"{path}/{part(resource)}", public=True))]
