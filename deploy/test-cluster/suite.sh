#!/usr/bin/env bash
# suite.sh up|down|run SUITE [COMMAND...]: the cluster with the Slurm of another Debian release, beside this machine's.
#
#   up    makes a minimal Debian SUITE below TREES with debootstrap (once) and runs up.sh in it
#   down  runs down.sh in it; the tree stays, for the next time
#   run   runs COMMAND in it as root, with its SLURM_CONF
#
# The state folder (STATE, by default TREES/SUITE.state) has the same path inside and outside, so keys, sockets and homes
# are reached from here; ports and pids are this machine's. Mounts live in a namespace of their own and end with it.
# MIRROR names a Debian mirror; by default it is the one that this machine's apt uses. Where SUITE is this machine's own
# release, no tree is made. Prints the state folder.
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n 2,4p "$0" >&2
    exit 2
fi
ACTION=$1 SUITE=$2
shift 2
COMMAND=("$@")
set --
TREES=${TREES:-/var/tmp/superfacility-suites}
STATE=${STATE:-$TREES/$SUITE.state}
TREE=$TREES/$SUITE
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case $SUITE in
bookworm) BASE_PORT=${BASE_PORT:-17800} USER_PREFIX=${USER_PREFIX-s12} ;;
trixie) BASE_PORT=${BASE_PORT:-17900} ;;
*) BASE_PORT=${BASE_PORT:-18000} ;;
esac
for part in settings processes packages; do
    # shellcheck source=/dev/null
    . "$HERE/parts/$part.sh"
done
[ "$(id -u)" = 0 ] || fail "a tree of another release needs root"
mkdir -p "$STATE" "$TREES"
export BASE_PORT SSH_PORT USER_PREFIX

is_own_release() { grep -qxE "VERSION_CODENAME=\"?$SUITE\"?" /etc/os-release; }

# own_mirrors: where this machine's apt gets its packages from.
own_mirrors() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | sed 's,/$,,' | awk '!seen[$0]++'
}

find_mirror() {
    local mirror
    for mirror in ${MIRROR:-$(own_mirrors)}; do
        if /usr/lib/apt/apt-helper download-file "$mirror/dists/$SUITE/InRelease" "$TREES/InRelease" >/dev/null 2>&1; then
            echo "$mirror"
            return
        fi
    done
    fail "no mirror of this machine's apt has $SUITE: set MIRROR"
}

make_tree() {
    if [ -e "$TREE/.complete" ]; then return; fi
    command -v debootstrap >/dev/null || install_packages debootstrap
    local mirror script=()
    mirror=$(find_mirror)
    note "debootstrap $SUITE"
    ! grep -q " $TREE/" /proc/self/mounts || fail "something is mounted below $TREE"
    rm -rf --one-file-system "$TREE"
    # debootstrap may not know a newer release by name; all of Debian's are made alike.
    [ -e "/usr/share/debootstrap/scripts/$SUITE" ] || script=(/usr/share/debootstrap/scripts/sid)
    debootstrap --variant=minbase --include=ca-certificates "$SUITE" "$TREE" "$mirror" "${script[@]}" \
        </dev/null >"$TREE.log" 2>&1 || { tail -n 5 "$TREE.log" >&2 && fail "debootstrap, see $TREE.log"; }
    rm -f "$TREE"/var/cache/apt/archives/*.deb
    touch "$TREE/.complete"
}

# inside COMMAND...: in the tree, with the kernel's file systems and the state folder.
inside() {
    mkdir -p "$TREE$STATE" "$TREE/opt/test-cluster"
    cp -r "$HERE/." "$TREE/opt/test-cluster/"
    cp -L /etc/resolv.conf /etc/hosts "$TREE/etc/"
    # shellcheck disable=SC2016
    unshare --mount --propagation private bash -c '
        set -e
        tree=$1 state=$2
        shift 2
        for each in proc sys dev; do mount --rbind "/$each" "$tree/$each"; done
        mount --bind "$state" "$tree$state"
        exec chroot "$tree" "$@"' suite "$TREE" "$STATE" "$@"
}

where() { if is_own_release; then "$@"; else inside "$@"; fi; }
if is_own_release; then
    scripts=$HERE
else
    scripts=/opt/test-cluster
    export ROOT_FOLDER=$TREE
    if [ "$ACTION" = up ]; then make_tree; fi
    [ -e "$TREE/.complete" ] || fail "there is no $SUITE in $TREES: run up first"
fi

case $ACTION in
up) where "$scripts/up.sh" "$STATE" ;;
down) where "$scripts/down.sh" "$STATE" ;;
run) where env SLURM_CONF="$CONF" "${COMMAND[@]}" ;;
*) fail "up, down or run, not $ACTION" ;;
esac
if [ "$ACTION" != run ]; then echo "$STATE"; fi
