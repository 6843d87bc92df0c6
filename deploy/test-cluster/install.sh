#!/usr/bin/env bash
# install.sh [PACKAGE...]: install Debian packages, those of a cluster if none are named, and start none of the services
# that they bring. Returns 3 if it cannot.
set -euo pipefail
WANTED=("$@")
set --
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for part in settings processes packages; do
    # shellcheck source=/dev/null
    . "$HERE/parts/$part.sh"
done
if [ ${#WANTED[@]} = 0 ]; then WANTED=("${CLUSTER_PACKAGES[@]}"); fi
install_packages "${WANTED[@]}"
