"""The keys of the rows that every scheduler gives, whatever its own programs print."""

SQUEUE_COLUMNS = (
    "account", "tres_per_node", "min_cpus", "min_tmp_disk", "end_time", "features", "group", "over_subscribe",
    "jobid", "name", "comment", "time_limit", "min_memory", "req_nodes", "command", "priority", "qos", "reason", "",
    "st", "user", "reservation", "wckey", "exc_nodes", "nice", "s:c:t", "exec_host", "cpus", "nodes", "dependency",
    "array_job_id", "sockets_per_node", "cores_per_socket", "threads_per_core", "array_task_id", "time_left",
    "time", "nodelist", "contiguous", "partition", "nodelist(reason)", "start_time", "state", "uid", "submit_time",
    "licenses", "core_spec", "schednodes", "work_dir",
)  # fmt: skip
"""The keys of a squeue row, in the contract's order."""
SACCT_COLUMNS = (
    "account", "admincomment", "alloccpus", "allocnodes", "alloctres", "associd", "avecpu", "avecpufreq",
    "avediskread", "avediskwrite", "avepages", "averss", "avevmsize", "blockid", "cluster", "comment",
    "constraints", "consumedenergy", "consumedenergyraw", "cputime", "cputimeraw", "dbindex", "derivedexitcode",
    "elapsed", "elapsedraw", "eligible", "end", "exitcode", "flags", "gid", "group", "jobid", "jobidraw", "jobname",
    "layout", "maxdiskread", "maxdiskreadnode", "maxdiskreadtask", "maxdiskwrite", "maxdiskwritenode",
    "maxdiskwritetask", "maxpages", "maxpagesnode", "maxpagestask", "maxrss", "maxrssnode", "maxrsstask",
    "maxvmsize", "maxvmsizenode", "maxvmsizetask", "mcslabel", "mincpu", "mincpunode", "mincputask", "ncpus",
    "nnodes", "nodelist", "ntasks", "priority", "partition", "qos", "qosraw", "reason", "reqcpufreq",
    "reqcpufreqmin", "reqcpufreqmax", "reqcpufreqgov", "reqcpus", "reqmem", "reqnodes", "reqtres", "reservation",
    "reservationid", "reserved", "resvcpu", "resvcpuraw", "start", "state", "submit", "suspended", "systemcpu",
    "systemcomment", "timelimit", "timelimitraw", "totalcpu", "tresusageinave", "tresusageinmax",
    "tresusageinmaxnode", "tresusageinmaxtask", "tresusageinmin", "tresusageinminnode", "tresusageinmintask",
    "tresusageintot", "tresusageoutave", "tresusageoutmax", "tresusageoutmaxnode", "tresusageoutmaxtask",
    "tresusageoutmin", "tresusageoutminnode", "tresusageoutmintask", "tresusageouttot", "uid", "user", "usercpu",
    "wckey", "wckeyid", "workdir",
)  # fmt: skip
"""The keys of a sacct row, in the contract's order."""
