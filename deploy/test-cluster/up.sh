#!/usr/bin/env bash
# up.sh [STATE]: bring up a whole Slurm cluster on this machine, or complete one that is partly up.
#
# Needs root on Debian or Ubuntu, and neither systemd nor a terminal. README.md lists what it makes and every setting;
# parts/ holds the steps, templates/ the daemons' files. Returns 0 when a job has run and accounting knows of it, and 3 when packages are
# missing that it may not or cannot install.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for part in settings processes packages people keys files accounting daemons; do
    # shellcheck source=/dev/null
    . "$HERE/parts/$part.sh"
done

[ "$(id -u)" = 0 ] || fail "a cluster needs root: its daemons start jobs as other people"
[ "${#STATE}" -le 70 ] || fail "$STATE is too long a path: unix sockets below it may have 107 bytes"
mkdir -p "$STATE"
lock_state
remember_settings

install_packages "${CLUSTER_PACKAGES[@]}"
make_folders
make_people
make_keys
write_files

start_munged
if [ "$ACCOUNTING" = 1 ]; then
    start_mariadb
    start_slurmdbd
    fill_accounting
fi
start_slurmctld
start_nodes
start_sshd
# Some slurmrestd give up where there is no slurmdbd.
if [ "$ACCOUNTING" = 1 ]; then start_slurmrestd; fi
wait_until "$PATIENCE" "every node ready" nodes_ready
if [ "$FIRST_JOB" = 1 ]; then run_first_job; fi
write_facts
note "ready: . $STATE/env.sh"
