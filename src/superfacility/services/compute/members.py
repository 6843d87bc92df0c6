"""Who may submit for a project: its members at the moment when the job would be made.

Roles change while a submission waits. This is a courtesy to the project and to who has left it: the scheduler has the
last word about accounts, and nobody is charged for what they do not belong to.
"""

from superfacility.facility.batch.options import asked
from superfacility.facility.errors import NotPermitted
from superfacility.facility.jobs import JobScript
from superfacility.facility.people import People, ProjectName, UserName


async def check_member(people: People, user: UserName, script: JobScript) -> None:
    """`NotPermitted` for a project that is known here and not the user's. What a script on the system names is for the
    scheduler alone to read."""
    name = script.project or ProjectName(asked(script.text or "").account)
    if not name or await people.project(name) is None:
        return
    memberships = await people.memberships(user=user, project=name)
    if not any(each.project.active for each in memberships):
        raise NotPermitted(
            f"You are no member of the project {name}, or it is closed: name one of yours with #SBATCH --account, or "
            f"ask to join it: sfapi projects join {name}\n"
        )
