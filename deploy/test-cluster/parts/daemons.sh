# Starting each daemon that does not run yet, and waiting until it answers. Sourced by up.sh.
# shellcheck shell=bash

start_munged() {
    if is_running munged; then return; fi
    start munged runuser -u munge -- munged --key-file="$ETC/munge.key" --socket="$MUNGE_SOCKET" \
        --pid-file="$RUN/munge/munged.pid" --log-file="$LOG/munge/munged.log" --seed-file="$VAR/munge/seed"
    ln -sf munge/munged.pid "$(pid_file munged)"
    wait_until "$PATIENCE" "munged answers" munge -S "$MUNGE_SOCKET" -n
}

sql() { mariadb --no-defaults --socket="$MARIADB_SOCKET" -u root -N -e "$1"; }

start_mariadb() {
    if is_running mariadbd; then return; fi
    if [ ! -d "$VAR/mariadb/mysql" ]; then make_database; fi
    start_detached mariadbd mariadbd --defaults-file="$ETC/my.cnf"
    wait_until "$PATIENCE" "mariadbd answers" sql 'select 1'
    # The unix user slurm is the database's user slurm: a socket, no password, no port.
    sql "create database if not exists slurm_acct_db;
         create user if not exists slurm@localhost identified via unix_socket;
         grant all on slurm_acct_db.* to slurm@localhost"
}

make_database() {
    rm -rf "$VAR/mariadb"
    install -d -o slurm -g slurm -m 700 "$VAR/mariadb"
    start mariadb-install-db mariadb-install-db --no-defaults --user=slurm --datadir="$VAR/mariadb" --skip-test-db \
        --auth-root-authentication-method=socket --auth-root-socket-user=root --skip-name-resolve
}

start_slurmdbd() {
    export SLURM_CONF=$CONF
    if is_running slurmdbd; then return; fi
    claim_port "$DATABASE_PORT" slurmdbd
    # It finds its own file beside SLURM_CONF, and the database's socket in a variable: no setting names that one.
    start slurmdbd runuser -u slurm -- env SLURM_CONF="$CONF" MYSQL_UNIX_PORT="$MARIADB_SOCKET" slurmdbd
    wait_until "$PATIENCE" "slurmdbd answers" sacctmgr -n -P show cluster
}

start_slurmctld() {
    export SLURM_CONF=$CONF
    if is_running slurmctld; then return; fi
    claim_port "$CONTROLLER_PORT" slurmctld
    # A first job of an earlier life proves nothing about this one.
    rm -f "$RUN/first-job"
    # Newer ones that were killed before their first save would miss a file and give up, but for -i.
    start slurmctld env SLURM_CONF="$CONF" slurmctld -i
    wait_until "$PATIENCE" "slurmctld answers" scontrol ping
}

start_nodes() {
    local number node
    for ((number = 1; number <= NODE_COUNT; number++)); do
        node=$(node_name "$number")
        if is_running "slurmd.$node"; then continue; fi
        claim_port $((NODE_PORT + number)) "slurmd.$node"
        mkdir -p "$VAR/slurmd.$node"
        start "slurmd.$node" env SLURM_CONF="$CONF" slurmd -N "$node"
    done
}

start_sshd() {
    if is_running sshd; then return; fi
    claim_port "$SSH_PORT" sshd
    install -d -m 755 /run/sshd
    # Newer sshd shut out an address after failed logins, and every test comes from the same one.
    if /usr/sbin/sshd -t -f "$ETC/sshd_config" -o PerSourcePenalties=no 2>/dev/null; then
        echo 'PerSourcePenalties no' >>"$ETC/sshd_config"
    fi
    start sshd /usr/sbin/sshd -f "$ETC/sshd_config" -E "$LOG/sshd.log"
    wait_until "$PATIENCE" "sshd listens" listens "$SSH_PORT"
}

# slurmrestd refuses root and SlurmUser, so it becomes a user of its own, before it binds. Without SLURM_JWT (any value)
# it answers 401 to every token. Each thread keeps the heap of its largest answer: hence few threads, few arenas.
start_slurmrestd() {
    if is_running slurmrestd; then return; fi
    claim_port "$REST_PORT" slurmrestd
    rm -f "$REST_SOCKET"
    start_detached slurmrestd env SLURM_CONF="$CONF" SLURM_JWT=daemon MALLOC_ARENA_MAX=2 \
        slurmrestd -u "$REST_USER" -t 4 -a rest_auth/jwt "127.0.0.1:$REST_PORT" "unix:$REST_SOCKET"
    wait_until "$PATIENCE" "slurmrestd listens" listens "$REST_PORT"
    wait_until 5 "slurmrestd runs" is_running slurmrestd
}

# nodes_ready: the state of a node that does not respond ends with a star.
nodes_ready() {
    [ "$(sinfo -h -N -p regular -o %T | grep -cxE 'idle|mixed|allocated|completing|reserved')" = "$NODE_COUNT" ]
}

# run_first_job: scheduling begins some seconds after slurmctld's start and accounting lags at first; a test that came
# at once would measure that.
run_first_job() {
    local job
    if [ -e "$RUN/first-job" ]; then return; fi
    note "first job"
    job=$(cd "$STATE/home/$ALICE" && runuser -u "$ALICE" -- sbatch --parsable -J first -t 1 -o /dev/null --wrap true) ||
        fail "sbatch as $ALICE"
    wait_until "$PATIENCE" "job $job completed" job_completed "$job"
    touch "$RUN/first-job"
}

job_completed() {
    if [ "$ACCOUNTING" = 1 ]; then
        sacct -X -n -P -j "$1" -o state | grep -qx COMPLETED
    else
        scontrol show job "$1" | grep -q JobState=COMPLETED
    fi
}
