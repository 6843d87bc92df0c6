# Accounts, QOS and associations in slurmdbd, entered once per state folder. Sourced by up.sh.
# shellcheck shell=bash

fill_accounting() {
    if [ -e "$VAR/accounting.filled" ]; then return; fi
    note "accounts, QOS, associations"
    # One process for all: each start of sacctmgr costs a third of a second. Adding what is there is not a failure.
    accounting_commands | sacctmgr -Q -i >>"$LOG/sacctmgr.log" 2>&1 || true
    check_accounting
    touch "$VAR/accounting.filled"
}

accounting_commands() {
    local person accounts
    accounts=$(IFS=, && echo "${PROJECTS[*]}")
    cat <<COMMANDS
add cluster $CLUSTER_NAME
add qos regular priority=10
add qos debug priority=20 maxwall=00:30:00 maxjobspu=5 maxsubmitjobspu=100 flags=DenyOnLimit
add qos interactive priority=30 maxwall=04:00:00 maxjobspu=2
add qos premium priority=40 usagefactor=2
add account $accounts cluster=$CLUSTER_NAME description=project organization=facility fairshare=100 qos=normal,regular,debug,interactive,premium defaultqos=regular
add account service cluster=$CLUSTER_NAME description=services organization=facility maxsubmitjobs=0
add user $SERVICE account=service cluster=$CLUSTER_NAME adminlevel=operator
COMMANDS
    for person in "${PEOPLE[@]}"; do
        echo "add user $person account=$(projects_of "$person") cluster=$CLUSTER_NAME fairshare=10"
    done
    echo quit
}

check_accounting() {
    local person known
    known=$(sacctmgr -n -P show assoc cluster="$CLUSTER_NAME" format=user,account)
    for person in "${PEOPLE[@]}" "$SERVICE"; do
        grep -q "^$person|" <<<"$known" || fail "accounting has no association of $person, see $LOG/sacctmgr.log"
    done
}
