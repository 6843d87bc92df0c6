# The daemons' configuration from templates/, and the facts that others read: cluster.json and env.sh. Sourced by up.sh.
# shellcheck shell=bash disable=SC2034

# render TEMPLATE: put the value of the variable NAME wherever the template says @NAME@.
render() {
    local text name
    text=$(<"$HERE/templates/$1")
    for name in $(grep -oE '@[A-Z_]+@' "$HERE/templates/$1" | tr -d @ | sort -u); do
        text=${text//"@$name@"/"${!name}"}
    done
    printf '%s\n' "$text"
}

write_files() {
    local HOST NODES STORAGE ALL_NODES name
    HOST=$(hostname -s)
    ALL_NODES=$(node_range 1 "$NODE_COUNT")
    NODES=$(node_lines)
    STORAGE=$(storage_lines)
    : >"$ETC/plugstack.conf"
    write_gres
    for name in slurm.conf my.cnf sshd_config; do replace "$ETC/$name" 644 root "$(render $name)"; done
    # slurmdbd refuses a file that others can read.
    replace "$ETC/slurmdbd.conf" 600 slurm "$(render slurmdbd.conf)"
}

# replace FILE MODE OWNER TEXT: never half a file for a daemon that reads at this moment.
replace() {
    printf '%s\n' "$4" >"$1.new"
    chmod "$2" "$1.new"
    chown "$3:$3" "$1.new"
    mv "$1.new" "$1"
}

node_lines() {
    local number what
    for ((number = 1; number <= NODE_COUNT; number++)); do
        what='Feature=cpu'
        if [ "$number" -gt "$CPU_NODES" ]; then what='Feature=gpu,a100 Gres=gpu:a100:4'; fi
        printf 'NodeName=%s NodeHostname=%s NodeAddr=127.0.0.1 Port=%d Sockets=2 CoresPerSocket=32 ThreadsPerCore=2 RealMemory=256000 %s\n' \
            "$(node_name "$number")" "$(hostname -s)" $((NODE_PORT + number)) "$what"
    done
}

storage_lines() {
    if [ "$ACCOUNTING" != 1 ]; then
        echo 'AccountingStorageType=accounting_storage/none'
        return
    fi
    render storage.conf
    if [ -n "$ACCOUNTING_STORE" ]; then echo "AccountingStoreFlags=$ACCOUNTING_STORE"; fi
}

# write_gres: a GPU wants a device file, and nothing opens it where no cgroup guards it.
write_gres() {
    : >"$ETC/gres.conf"
    if [ "$GPU_NODES" = 0 ]; then return; fi
    touch "$ETC"/gpu{0..3}
    echo "NodeName=$(node_range $((CPU_NODES + 1)) "$NODE_COUNT") Name=gpu Type=a100 File=$ETC/gpu[0-3]" >"$ETC/gres.conf"
}

write_facts() {
    replace "$STATE/env.sh" 644 root "$(render env.sh)"
    replace "$STATE/cluster.json" 644 root "$(facts)"
}

facts() {
    cat <<JSON
{
  "name": "$CLUSTER_NAME", "state": "$STATE", "slurm_version": "$(sinfo --version | cut -d' ' -f2)",
  "slurm_conf": "$CONF", "base_port": $BASE_PORT, "accounting": $([ "$ACCOUNTING" = 1 ] && echo true || echo false),
  "root_folder": "${ROOT_FOLDER:-/}", "up": "$HERE/up.sh",
  "ssh": {"host": "127.0.0.1", "port": $SSH_PORT, "user_ca": "$SSH/user_ca", "host_ca": "$SSH/host_ca",
          "known_hosts": "$SSH/known_hosts", "authorized_keys": "$SSH/authorized_keys"},
  "rest": {"url": "http://127.0.0.1:$REST_PORT", "socket": "$REST_SOCKET", "jwt_key": "$ETC/jwt_hs256.key"},
  "service_account": "$SERVICE", "accounting_socket": "$MARIADB_SOCKET",
  "users": {
$(for person in "${PEOPLE[@]}" "$SERVICE"; do person_facts "$person"; done | sed '$!s/$/,/')
  },
  "projects": {
$(for project in "${PROJECTS[@]}"; do project_facts "$project"; done | sed '$!s/$/,/')
  },
  "partitions": ["regular", "debug"], "qos": ["normal", "regular", "debug", "interactive", "premium"],
  "filesystems": {"home": "$STATE/home", "scratch": "$STATE/fs/scratch", "project": "$STATE/fs/project",
                  "archive": "$STATE/fs/archive"},
  "logs": "$LOG",
  "pid_files": {
$(for daemon in $(daemons); do echo "    \"$daemon\": \"$(pid_file "$daemon")\""; done | sed '$!s/$/,/')
  }
}
JSON
}

person_facts() {
    printf '    "%s": {"name": "%s", "uid": %d, "gid": %d, "home": "%s", "projects": [%s]}\n' "${1#"$USER_PREFIX"}" "$1" \
        "$(id -u "$1")" "$(id -g "$1")" "$STATE/home/$1" "$(quoted "$(projects_of "$1" | tr , ' ')")"
}

project_facts() {
    printf '    "%s": {"gid": %d, "members": [%s]}\n' "$1" "$(getent group "$1" | cut -d: -f3)" "$(quoted "$(members "$1")")"
}

# quoted WORDS: "a", "b"
quoted() {
    local word out=''
    for word in $1; do out="$out, \"$word\""; done
    echo "${out#, }"
}

daemons() {
    local number
    echo munged
    if [ "$ACCOUNTING" = 1 ]; then echo mariadbd slurmdbd slurmrestd; fi
    echo slurmctld sshd
    for ((number = 1; number <= NODE_COUNT; number++)); do echo "slurmd.$(node_name "$number")"; done
}
