"""`sfapi check`: examines an installation and says what to mend."""

import sys

from superfacility.cli.output import Shared, say, show_rows
from superfacility.core.clock import SystemClock
from superfacility.settings import configuration_file, load_settings

_SHARED = Shared()


async def check(*, shared: Shared = _SHARED) -> None:
    """Examine configuration, permissions, keys, clock, database, systems and filesystems.

    The exit code is 1 if something must be mended.
    """
    from superfacility.cli.examination import examine

    settings = load_settings(configuration_file(shared.config))
    findings = await examine(settings, SystemClock())
    problems = [finding for finding in findings if finding.problem]
    if shared.json:
        rows = [{"area": each.area, "subject": each.subject, "problem": each.problem} for each in findings]
        show_rows(rows, as_json=True)
    else:
        for finding in findings:
            say(f"{'mend' if finding.problem else 'ok  '}  {finding.area:<13}  {finding.problem or finding.subject}")
        say(f"{len(problems)} to mend." if problems else "Everything is in order.")
    if problems:
        sys.exit(1)
