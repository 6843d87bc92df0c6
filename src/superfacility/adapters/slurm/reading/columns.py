"""How Slurm's programs are asked for the contract's columns.

squeue's letters are the second ones where the contract's key comes twice in `%all` (the later one wins in a mapping):
the numeric group, the whole-number priority, the raw id. The column with the empty header was a BlueGene's; Slurm has
lost its letter since, so it is not asked for.
"""

SQUEUE_LETTERS = {
    "account": "a", "tres_per_node": "b", "min_cpus": "c", "min_tmp_disk": "d", "end_time": "e", "features": "f",
    "group": "G", "over_subscribe": "h", "jobid": "A", "name": "j", "comment": "k", "time_limit": "l",
    "min_memory": "m", "req_nodes": "n", "command": "o", "priority": "Q", "qos": "q", "reason": "r", "": "",
    "st": "t", "user": "u", "reservation": "v", "wckey": "w", "exc_nodes": "x", "nice": "y", "s:c:t": "z",
    "exec_host": "B", "cpus": "C", "nodes": "D", "dependency": "E", "array_job_id": "F", "sockets_per_node": "H",
    "cores_per_socket": "I", "threads_per_core": "J", "array_task_id": "K", "time_left": "L", "time": "M",
    "nodelist": "N", "contiguous": "O", "partition": "P", "nodelist(reason)": "R", "start_time": "S", "state": "T",
    "uid": "U", "submit_time": "V", "licenses": "W", "core_spec": "X", "schednodes": "Y", "work_dir": "Z",
}  # fmt: skip
"""In the contract's order."""
SQUEUE_FREE = (
    "account", "tres_per_node", "features", "name", "comment", "req_nodes", "command", "reservation", "wckey",
    "exc_nodes", "dependency", "licenses", "core_spec", "schednodes", "work_dir",
)  # fmt: skip
"""Where a user's own text may stand; each has marks of its own."""
SQUEUE_RUNNING = ("time", "time_left")
"""What changes while nothing happens."""
SACCT_RENAMED = {"reserved": "planned", "resvcpu": "plannedcpu", "resvcpuraw": "plannedcpuraw"}
"""What newer versions call it."""
