#!/usr/bin/env bash
# down.sh [--purge] [STATE]: end what up.sh started in STATE, by its pid files.
#
# Running jobs are cancelled first, so that none outlives its node; waiting jobs and accounting stay for the next up.sh.
# --purge removes STATE as well. Users and packages stay. Returns 0 when nothing of it runs any more.
set -euo pipefail
PURGE=${PURGE:-0}
if [ "${1:-}" = --purge ]; then
    PURGE=1
    shift
fi
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for part in settings processes; do
    # shellcheck source=/dev/null
    . "$HERE/parts/$part.sh"
done

if [ ! -d "$RUN" ]; then
    note "nothing at $STATE"
    exit 0
fi
lock_state
export SLURM_CONF=$CONF
LEFT=0

jobs_on_nodes() { timeout 5 squeue -h -a -t RUNNING,SUSPENDED,COMPLETING,CONFIGURING,STOPPED -o %A; }

# wake: a test may have paused a daemon.
wake() {
    local file pid
    for file in "$RUN"/*.pid; do
        pid=$(cat "$file" 2>/dev/null) || continue
        if is_running "$(basename "$file" .pid)"; then kill -CONT "$pid" || true; fi
    done
}

cancel_jobs() {
    local partition turn
    for partition in regular debug; do timeout 5 scontrol update partitionname=$partition state=DOWN || true; done
    if [ -z "$(jobs_on_nodes)" ]; then return; fi
    note "cancelling the running jobs"
    jobs_on_nodes | sort -u | xargs -r -n 500 timeout 20 scancel -Q || true
    for ((turn = 0; turn < 60; turn++)); do
        [ -n "$(jobs_on_nodes)" ] || return 0
        sleep 0.25
    done
    note "jobs are left on the nodes: $(jobs_on_nodes | tr '\n' ' ')"
    LEFT=1
}

wake
if is_running slurmctld && timeout 5 scontrol ping 2>/dev/null | grep -q UP; then cancel_jobs; fi
end slurmrestd 5 || LEFT=1
end sshd 5 || LEFT=1
for file in "$RUN"/slurmd.*.pid; do
    if [ -e "$file" ]; then end "$(basename "$file" .pid)" 10 || LEFT=1; fi
done
end slurmctld 20 || LEFT=1
end slurmdbd 20 || LEFT=1
end mariadbd 30 || LEFT=1
end munged 5 || LEFT=1

if [ "$PURGE" = 1 ] && [ $LEFT = 0 ]; then
    # The folder itself may be where suite.sh mounted it.
    find "$STATE" -xdev -mindepth 1 -delete
    rmdir "$STATE" 2>/dev/null || true
    note "removed $STATE"
fi
exit $LEFT
