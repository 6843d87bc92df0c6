"""`sfapi logs`: what a job prints, byte by byte."""

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.interruption import detach
from superfacility.cli.user.terminal.parsing import Parser, system_option, timeout_option
from superfacility.cli.user.work.jobs import job_reference


def _arguments(parser: Parser) -> None:
    parser.add_argument("job", metavar="JOB", help="id, or system:id")
    system_option(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the job has ended")
    parser.add_argument("-e", "--stderr", action="store_true", help="what it prints to standard error")
    parser.add_argument("-c", "--bytes", type=int, metavar="N", help="the last N bytes alone, and what follows")
    timeout_option(parser)


def _logs(call: Call) -> int:
    options = call.options
    system, job_id = job_reference(call, options.job)
    stream, offset = "stderr" if options.stderr else "stdout", -options.bytes if options.bytes else 0
    if not options.follow:
        return _printed(call, system, job_id, stream, offset)
    try:
        for piece in call.connection.follow_output(
            system, job_id, stream=stream, offset=offset, timeout=options.timeout
        ):
            call.output.data(piece.data)
    except KeyboardInterrupt:
        return detach(call.output, f"The job goes on. Follow it again: sfapi logs -f {options.job}")
    return exits.OK


def _printed(call: Call, system: str, job_id: str, stream: str, offset: int) -> int:
    while True:
        piece = call.connection.job_output(system, job_id, stream=stream, offset=offset)
        call.output.data(piece.data)
        if not piece.data:
            return exits.OK
        offset = piece.next_offset


_EXAMPLES = ("sfapi logs 1234", "sfapi logs -f 1234", "sfapi logs --stderr --bytes 2000 1234")
COMMANDS = {"logs": Command(_logs, _arguments, answers=None, examples=_EXAMPLES)}
