# Messages, the lock, and starting, finding and ending daemons by their pid files. Sourced by up.sh and down.sh.
# shellcheck shell=bash

BEGUN=$(date +%s%N)

note() {
    local passed=$((($(date +%s%N) - BEGUN) / 10000000))
    printf '[cluster %d.%02ds] %s\n' $((passed / 100)) $((passed % 100)) "$*" >&2
}

# fail WORDS: say them, and the ends of the newest logs, since a CI run shows nothing else of this machine.
fail() {
    note "failed: $*"
    local log
    find "$STATE/log" -name '*.log' -size +0 -printf '%T@ %p\n' 2>/dev/null | sort -n | tail -n 4 | while read -r _ log; do
        echo "--- $log" >&2
        tail -n 5 "$log" >&2
    done
    exit 1
}

# lock_state: one run at a time per state folder. Descriptor 9 holds the lock; no daemon may inherit it.
lock_state() {
    exec 9>"$STATE/.lock"
    flock -w 300 9 || fail "another run holds $STATE/.lock for five minutes"
}

# wait_until SECONDS WHAT COMMAND...
wait_until() {
    local end=$(($(date +%s) + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$end" ] || fail "not within the time: $what"
        sleep 0.1
    done
}

# is_process PID NAME: pids are used again, so the name must fit too; a process that ended and was not reaped yet has a
# name but no executable. The kernel's name rather than the executable's: Debian's slurmctld is a link to another name.
is_process() {
    readlink "/proc/$1/exe" >/dev/null 2>&1 && [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ]
}

# is_running DAEMON: the process of its pid file lives.
is_running() {
    local pid
    pid=$(cat "$(pid_file "$1")" 2>/dev/null) && [ -n "$pid" ] && is_process "$pid" "${1%%.*}"
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# claim_port PORT DAEMON: a port that a stranger serves would look like a daemon that came up.
claim_port() { ! listens "$1" || fail "port $1 for $2 is taken by a process of somebody else: set BASE_PORT or SSH_PORT"; }

# start DAEMON COMMAND...: run a program that puts itself into the background.
start() {
    local daemon=$1
    shift
    note "$daemon"
    "$@" </dev/null >>"$LOG/$daemon.start.log" 2>&1 9>&- || fail "$daemon did not start"
}

# start_detached DAEMON COMMAND...: run a program that stays in the foreground, in a session of its own, and keep its
# pid. It holds no descriptor of ours: a CI step that reads our output to its end would wait for the daemon.
start_detached() {
    local daemon=$1 file
    shift
    note "$daemon"
    file=$(pid_file "$daemon")
    rm -f "$file"
    # shellcheck disable=SC2016
    setsid -f bash -c 'echo $$ >"$0.new" && mv "$0.new" "$0" && exec "$@"' "$file" "$@" \
        </dev/null >>"$LOG/$daemon.log" 2>&1 9>&-
    wait_until 10 "$daemon's pid" test -s "$file"
}

# end DAEMON SECONDS: wake it if it is paused, ask it to end, insist after SECONDS.
end() {
    local daemon=$1 file pid name=${1%%.*}
    file=$(pid_file "$daemon")
    pid=$(cat "$file" 2>/dev/null) || return 0
    if [ -n "$pid" ] && is_process "$pid" "$name"; then
        kill -CONT "$pid" 2>/dev/null || true
        kill -TERM "$pid" 2>/dev/null || true
        if ! is_gone "$2" "$pid" "$name"; then
            note "$daemon ($pid) does not end within $2 s: killing it"
            kill -KILL "$pid" 2>/dev/null || true
            is_gone 5 "$pid" "$name" || return 1
        fi
    fi
    rm -f "$file"
}

# is_gone SECONDS PID NAME: wait for its end.
is_gone() {
    local turn
    for ((turn = 0; turn < $1 * 20; turn++)); do
        is_process "$2" "$3" || return 0
        sleep 0.05
    done
    return 1
}
