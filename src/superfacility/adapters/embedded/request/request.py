"""From options and a script to what a job asks for, checked against what the system has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from superfacility.adapters.embedded.configuration import Configuration
from superfacility.adapters.embedded.request.arrays import ArrayRange, parse_array
from superfacility.adapters.embedded.request.dependencies import parse_dependencies
from superfacility.adapters.embedded.request.refusal import sbatch_error, submission_failed
from superfacility.adapters.embedded.request.times import parse_duration, parse_moment

_MEMORY = re.compile(r"([0-9]{1,12})([KMGT]?)B?", re.ASCII | re.IGNORECASE)
_MEGABYTES = {"K": 1 / 1024, "M": 1, "": 1, "G": 1024, "T": 1024 * 1024}
_NAME_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What one submission asks for. Times are in seconds, memory in MiB; an empty text was not asked for.

    `limit_given` tells a time limit of the user's own from the partition's.
    """

    name: str = "sbatch"
    account: str = ""
    partition: str = ""
    qos: str = ""
    constraint: str = ""
    reservation: str = ""
    comment: str = ""
    time_limit: int | None = None
    limit_given: bool = False
    nodes: int = 1
    ntasks: int = 1
    cpus_per_task: int = 0
    memory: int = 0
    array: str = ""
    array_limit: int = 0
    array_count: int = 0
    array_min: int = 0
    array_max: int = 0
    dependency: str = ""
    chdir: str = ""
    output: str = ""
    error: str = ""
    append: bool = False
    export: str = "ALL"
    begin: float | None = None
    held: bool = False

    @property
    def cpus(self) -> int:
        return max(self.ntasks, self.nodes) * max(self.cpus_per_task, 1)


def read_request(
    values: Mapping[str, str], script_name: str, configuration: Configuration, now: float
) -> tuple[JobRequest, ArrayRange | None]:
    """The request and its array. `Refusal` for a malformed value, and for what this system cannot or may not do."""
    array = _array(values, configuration)
    partition = _partition(values, configuration)
    time_limit, limit_given = _time_limit(values, partition, configuration)
    request = JobRequest(
        name=_name(values.get("job-name") or script_name),
        account=_account(values, configuration),
        partition=partition,
        qos=_qos(values, configuration),
        constraint=_constraint(values, configuration),
        reservation=values.get("reservation", ""),
        comment=values.get("comment", ""),
        time_limit=time_limit,
        limit_given=limit_given,
        nodes=_nodes(values),
        ntasks=_number(values, "ntasks", "number of tasks") or 1,
        cpus_per_task=_number(values, "cpus-per-task", "number of cpus per task") or 0,
        memory=_memory(values),
        array=array.text if array else "",
        array_limit=array.limit if array else 0,
        array_count=len(array.tasks) if array else 0,
        array_min=array.tasks[0] if array else 0,
        array_max=array.tasks[-1] if array else 0,
        dependency=_dependency(values),
        chdir=values.get("chdir", ""),
        output=values.get("output", ""),
        error=values.get("error", ""),
        append=_append(values),
        export=values.get("export", "ALL"),
        begin=_begin(values, now),
        held="hold" in values,
    )
    _check_size(request, configuration)
    return request, array


def _name(text: str) -> str:
    return text[:_NAME_LENGTH]


def _number(values: Mapping[str, str], option: str, noun: str) -> int | None:
    text = values.get(option)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10) or int(text) < 1:
        raise sbatch_error(f'Invalid numeric value "{text}" for {noun}.')
    return int(text)


def _nodes(values: Mapping[str, str]) -> int:
    """`1` or `1-4`: the least is what counts."""
    text = values.get("nodes", "1")
    least, dash, most = text.partition("-")
    numbers = [least, most] if dash else [least]
    if not all(each.isascii() and each.isdigit() and 0 < len(each) < 10 for each in numbers) or int(least) < 1:
        raise sbatch_error(f"invalid number of nodes (-N {text})")
    if dash and int(most) < int(least):
        raise sbatch_error(f"invalid number of nodes (-N {text})")
    return int(least)


def _memory(values: Mapping[str, str]) -> int:
    text = values.get("mem", "0")
    found = _MEMORY.fullmatch(text)
    if found is None:
        raise sbatch_error("Invalid --mem specification")
    return int(int(found[1]) * _MEGABYTES[found[2].upper()])


def _array(values: Mapping[str, str], configuration: Configuration) -> ArrayRange | None:
    if "array" not in values:
        return None
    try:
        return parse_array(values["array"], configuration.max_array_size - 1)
    except ValueError:
        raise submission_failed("Invalid job array specification") from None


def _dependency(values: Mapping[str, str]) -> str:
    text = values.get("dependency", "")
    try:
        return str(parse_dependencies(text))
    except ValueError:
        raise submission_failed("Job dependency problem") from None


def _append(values: Mapping[str, str]) -> bool:
    mode = values.get("open-mode", "t").lower()
    if not mode or not ("append".startswith(mode) or "truncate".startswith(mode)):
        raise sbatch_error("Invalid --open-mode specification")
    return mode.startswith("a")


def _begin(values: Mapping[str, str], now: float) -> float | None:
    if "begin" not in values:
        return None
    try:
        return parse_moment(values["begin"], now)
    except (ValueError, OverflowError):
        raise sbatch_error("Invalid --begin specification") from None


def _partition(values: Mapping[str, str], configuration: Configuration) -> str:
    """The first of a list that exists."""
    asked = values.get("partition")
    if asked is None:
        return configuration.default_partition
    for name in asked.split(","):
        if name not in configuration.partitions:
            raise sbatch_error(
                f"invalid partition specified: {name}\n"
                "sbatch: error: Batch job submission failed: Invalid partition name specified"
            )
    return asked.partition(",")[0]


def _time_limit(values: Mapping[str, str], partition: str, configuration: Configuration) -> tuple[int | None, bool]:
    longest = configuration.partitions[partition]
    if "time" not in values:
        default = configuration.default_time
        return (longest if default is None else min(default, longest or default)), False
    try:
        limit = parse_duration(values["time"])
    except ValueError:
        raise sbatch_error("Invalid --time specification") from None
    if longest is not None and (limit is None or limit > longest):
        raise submission_failed("Requested time limit is invalid (missing or exceeds some limit)")
    return limit, limit is not None


def _account(values: Mapping[str, str], configuration: Configuration) -> str:
    account = values.get("account", configuration.default_account)
    if configuration.accounts and account and account not in configuration.accounts:
        raise submission_failed("Invalid account or account/partition combination specified")
    return account


def _qos(values: Mapping[str, str], configuration: Configuration) -> str:
    qos = values.get("qos", configuration.default_qos)
    if configuration.qos and qos not in configuration.qos:
        raise submission_failed("Invalid qos specification")
    return qos


def _constraint(values: Mapping[str, str], configuration: Configuration) -> str:
    constraint = values.get("constraint", "")
    features = [each for each in re.split(r"[&|,]", constraint.strip("[]()")) if each]
    if configuration.constraints and not set(features) <= set(configuration.constraints):
        raise submission_failed("Invalid feature specification")
    return constraint


def _check_size(request: JobRequest, configuration: Configuration) -> None:
    if request.nodes > 1:
        raise submission_failed("Requested node configuration is not available")
    if request.cpus > configuration.cores:
        raise sbatch_error(
            "CPU count per node can not be satisfied\n"
            "sbatch: error: Batch job submission failed: Requested node configuration is not available"
        )
