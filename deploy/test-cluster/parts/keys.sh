# Secrets and certificates, made once per state folder. Sourced by up.sh.
# shellcheck shell=bash

make_keys() {
    random_key "$ETC/munge.key" 128 munge
    random_key "$ETC/jwt_hs256.key" 32 slurm
    [ -s "$SSH/host_key-cert.pub" ] || make_ssh_keys
    printf '@cert-authority [127.0.0.1]:%d,[localhost]:%d %s\n' "$SSH_PORT" "$SSH_PORT" "$(cat "$SSH/host_ca.pub")" \
        >"$SSH/known_hosts"
}

# random_key FILE BYTES OWNER
random_key() {
    if [ -s "$1" ]; then return; fi
    (umask 077 && head -c "$2" /dev/urandom >"$1")
    chown "$3:$3" "$1"
}

# make_ssh_keys: what sshd trusts about people (user_ca), what clients trust about sshd (host_ca), and sshd's own key
# with its certificate, so that no client has to trust a key at first sight.
make_ssh_keys() {
    local key
    for key in user_ca host_ca host_key; do
        rm -f "$SSH/$key" "$SSH/$key.pub"
        ssh-keygen -q -t ed25519 -N '' -C "$key" -f "$SSH/$key" </dev/null
    done
    ssh-keygen -q -s "$SSH/host_ca" -I login -h -n "127.0.0.1,localhost,$(hostname -s)" -V -5m:+520w "$SSH/host_key.pub"
}
