# The Debian packages, without their services. Sourced by up.sh and install.sh.
# shellcheck shell=bash disable=SC2034

# mariadb-server-core is the database without its system service and system user.
CLUSTER_PACKAGES=(
    munge slurmctld slurmd slurmdbd slurmrestd slurm-client
    slurm-wlm-basic-plugins slurm-wlm-jwt-plugin slurm-wlm-mysql-plugin
    mariadb-server-core mariadb-client-core
    openssh-server openssh-client openssh-sftp-server
)

# install_packages PACKAGE...
install_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    if [ ${#missing[@]} = 0 ]; then return; fi
    [ "$INSTALL" = 1 ] || cannot "these packages are missing, and INSTALL=0 forbids installing them: ${missing[*]}"
    note "installing ${missing[*]}"
    mkdir -p "$LOG"
    without_services apt_get "${missing[@]}"
}

cannot() {
    note "$*"
    exit 3
}

apt_get() {
    local options=(-q -o DPkg::Lock::Timeout=300)
    {
        apt-get "${options[@]}" update
        apt-get "${options[@]}" install -y --no-install-recommends "$@"
    } </dev/null >>"$LOG/apt.log" 2>&1 9>&- || cannot "apt-get failed, see $LOG/apt.log"
}

# without_services COMMAND...: Debian starts what it installs unless policy-rc.d says 101 ("forbidden").
without_services() {
    local policy=/usr/sbin/policy-rc.d
    if [ -e $policy ]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    "$@"
    rm -f $policy
}
