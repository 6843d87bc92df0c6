# Written by deploy/test-cluster/up.sh: source it, and Slurm's commands speak to this cluster.
export SLURM_CONF=@CONF@
export SLURMRESTD_URL=http://127.0.0.1:@REST_PORT@
export SLURMRESTD_SOCKET=@REST_SOCKET@
export CLUSTER_STATE=@STATE@
export CLUSTER_SSH_PORT=@SSH_PORT@
export CLUSTER_USER_CA=@SSH@/user_ca
export CLUSTER_KNOWN_HOSTS=@SSH@/known_hosts
export CLUSTER_JWT_KEY=@ETC@/jwt_hs256.key
