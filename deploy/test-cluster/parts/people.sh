# Folders, unix users and groups, homes and the stand-ins of the file systems. Sourced by up.sh.
# shellcheck shell=bash

make_folders() {
    mkdir -p "$STATE"/{etc,run,log,var,ssh/authorized_keys,home,fs/scratch,fs/project,fs/archive}
    # munged refuses a socket below a folder that others may write to.
    install -d -o munge -g munge -m 755 "$RUN/munge"
    install -d -o munge -g munge -m 700 "$LOG/munge" "$VAR/munge"
    install -d -o slurm -g slurm -m 755 "$VAR/slurmctld"
    # Daemons of root and of slurm keep pid files and logs here, and neither may remove the other's.
    chown root:slurm "$RUN" "$LOG"
    chmod 1775 "$RUN" "$LOG"
}

# make_people: under a lock of the whole machine, since clusters beside each other share /etc/passwd.
make_people() {
    exec 8>/run/lock/superfacility-test-people.lock
    flock -w 120 8 || fail "another run holds the lock on the users of this machine"
    local project person
    for project in "${PROJECTS[@]}"; do
        getent group "$project" >/dev/null || groupadd -K GID_MIN=30001 -K GID_MAX=30999 "$project"
        install -d -o root -g "$project" -m 2770 "$STATE/fs/project/$project"
    done
    for person in "${PEOPLE[@]}" "$SERVICE"; do make_person "$person"; done
    for project in "${PROJECTS[@]}"; do
        for person in $(members "$project"); do
            id -nG "$person" | grep -qw "$project" || usermod -a -G "$project" "$person"
        done
    done
    getent passwd "$REST_USER" >/dev/null || useradd -r -M -U -d /nonexistent -s /usr/sbin/nologin "$REST_USER"
    install -d -o "$REST_USER" -g "$REST_USER" -m 755 "$RUN/rest"
    exec 8>&-
}

make_person() {
    local name=$1 home=$STATE/home/$1
    if ! getent passwd "$name" >/dev/null; then
        # The password '*' fits nothing, yet does not lock the account as '!' would: sshd refuses locked ones.
        useradd -M -U -K UID_MIN=20001 -K UID_MAX=29999 -K GID_MIN=20001 -K GID_MAX=29999 \
            -d "$home" -s /bin/bash -p '*' "$name"
    fi
    move_in "$name" "$home"
    if [ ! -d "$home" ]; then
        cp -rT /etc/skel "$home"
        chown -R "$name:$name" "$home"
        chmod 700 "$home"
    fi
    install -d -o "$name" -g "$name" -m 700 "$STATE/fs/scratch/$name" "$STATE/fs/archive/$name"
}

# move_in USER HOME: a person lives in one cluster at a time.
move_in() {
    local lives
    lives=$(getent passwd "$1" | cut -d: -f6)
    if [ "$lives" = "$2" ]; then return; fi
    case $lives in
    */home/"$1") ;;
    *) fail "the user $1 of this machine is not a test user (home $lives): set USER_PREFIX" ;;
    esac
    if RUN=${lives%/home/*}/run is_running slurmctld; then
        fail "$1 lives in the cluster at ${lives%/home/*}, which is up: set USER_PREFIX, or end that one"
    fi
    usermod -d "$2" "$1"
}
