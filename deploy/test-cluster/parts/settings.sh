# Every setting, from the environment, and what follows from them. Sourced by up.sh and down.sh.
# shellcheck shell=bash disable=SC2034

# A caller may come with no PATH, HOME or locale, and with the settings of another cluster.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME="${HOME:-/root}" LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
unset SLURM_CONF SLURM_JWT SLURMRESTD_SECURITY SLURMRESTD_LISTEN MYSQL_UNIX_PORT
umask 022
cd /

STATE=${1:-${STATE:-/var/tmp/superfacility-cluster}}
case $STATE in
/*) ;;
*) echo "STATE must be an absolute path, not $STATE" >&2 && exit 2 ;;
esac

# What was set when this cluster was made holds until it is set anew: a second up.sh needs the folder only.
SETTINGS=(CLUSTER_NAME BASE_PORT SSH_PORT USER_PREFIX CPU_NODES GPU_NODES ACCOUNTING ACCOUNTING_STORE MIN_JOB_AGE EXTRA_CONF)
# shellcheck source=/dev/null
if [ -r "$STATE/settings" ]; then . "$STATE/settings"; fi

CLUSTER_NAME=${CLUSTER_NAME:-perlmutter}
BASE_PORT=${BASE_PORT:-16900}
SSH_PORT=${SSH_PORT:-$((BASE_PORT + 3))}
USER_PREFIX=${USER_PREFIX:-}
CPU_NODES=${CPU_NODES:-2}
GPU_NODES=${GPU_NODES:-2}
ACCOUNTING=${ACCOUNTING:-1}
ACCOUNTING_STORE=${ACCOUNTING_STORE:-}
MIN_JOB_AGE=${MIN_JOB_AGE:-60}
EXTRA_CONF=${EXTRA_CONF:-}
INSTALL=${INSTALL:-1}
PATIENCE=${PATIENCE:-60}
FIRST_JOB=${FIRST_JOB:-1}

CONTROLLER_PORT=$BASE_PORT
DATABASE_PORT=$((BASE_PORT + 1))
REST_PORT=$((BASE_PORT + 2))
NODE_PORT=$((BASE_PORT + 10))
NODE_COUNT=$((CPU_NODES + GPU_NODES))

ETC=$STATE/etc RUN=$STATE/run LOG=$STATE/log VAR=$STATE/var SSH=$STATE/ssh
CONF=$ETC/slurm.conf
MUNGE_SOCKET=$RUN/munge/socket
MARIADB_SOCKET=$RUN/mariadb.sock
REST_SOCKET=$RUN/rest/slurmrestd.sock
REST_USER=slurmrest

ALICE=${USER_PREFIX}alice BOB=${USER_PREFIX}bob CAROL=${USER_PREFIX}carol
SERVICE=${USER_PREFIX}sfgate
PEOPLE=("$ALICE" "$BOB" "$CAROL")
PROJECTS=(m0001 m0002 m0003)

# members PROJECT: a project is a unix group and a Slurm account.
members() {
    case $1 in
    m0001) echo "$ALICE $BOB" ;;
    m0002) echo "$CAROL" ;;
    m0003) echo "$ALICE $CAROL" ;;
    esac
}

# projects_of USER: separated by commas, the first is where jobs go that name none.
projects_of() {
    local project found=''
    for project in "${PROJECTS[@]}"; do
        case " $(members "$project") " in *" $1 "*) found="$found,$project" ;; esac
    done
    echo "${found#,}"
}

node_name() { printf 'nid%06d' "$1"; }
node_range() { printf 'nid[%06d-%06d]' "$1" "$2"; }

# pid_file DAEMON, where DAEMON is a program's name, or slurmd.NODE for a node.
pid_file() { echo "$RUN/$1.pid"; }

remember_settings() {
    local name
    # shellcheck disable=SC2016
    for name in "${SETTINGS[@]}"; do printf '[ -n "${%s+set}" ] || %s=%q\n' "$name" "$name" "${!name}"; done >"$STATE/settings"
}
