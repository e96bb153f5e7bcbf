# Sourced by slurm_train.sh and slurm_test.sh after _env.sh: $srun, the command line up to the interpreter.
#
# GPUS: processes in all. GPUS_PER_NODE: of them on each node. NNODES: nodes. Two of the three say the third.
per_node=${GPUS_PER_NODE:-8}
gpus=${GPUS:-$((${NNODES:-1} * per_node))}
[ -n "${GPUS_PER_NODE:-}" ] || [ -z "${NNODES:-}" ] || per_node=$((gpus / NNODES))
[ "$gpus" -ge "$per_node" ] || per_node=$gpus
nodes=${NNODES:-$((gpus / per_node))}
if [ "$((nodes * per_node))" -ne "$gpus" ]; then
    echo "$0: error: GPUS=$gpus are not NNODES=$nodes nodes of GPUS_PER_NODE=$per_node; change one of them" >&2
    exit 2
fi
read -ra srun_args <<<"${SRUN_ARGS:-}"
export MASTER_PORT=${PORT:-$((20000 + RANDOM % 20000))}
srun=(srun --partition="$partition" --job-name="$job_name" --nodes="$nodes" --gres="gpu:$per_node" --ntasks="$gpus"
    --ntasks-per-node="$per_node" --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 "${srun_args[@]}")
