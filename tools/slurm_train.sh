#!/usr/bin/env bash
# Train on a Slurm cluster.
#
#   GPUS=16 ./tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [arguments of tools/train.py]
#
# GPUS (8): processes in all. GPUS_PER_NODE (8, at most GPUS). CPUS_PER_TASK (5). SRUN_ARGS: more arguments for srun
# (--gres=none on a partition without GPUs).
# PORT: where the processes meet; a random one, so that two jobs on a node do not. PYTHON as in dist_train.sh.
set -euo pipefail
if [ $# -lt 4 ]; then
    echo "usage: [GPUS=8] [GPUS_PER_NODE=8] $0 PARTITION JOB_NAME CONFIG WORK_DIR [arguments of tools/train.py]" >&2
    exit 2
fi
. "$(dirname "${BASH_SOURCE[0]}")/_env.sh"
partition=$1 job_name=$2 config=$3 work_dir=$4
shift 4
gpus=${GPUS:-8}
per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
read -ra srun_args <<<"${SRUN_ARGS:-}"
export MASTER_PORT=${PORT:-$((20000 + RANDOM % 20000))}
exec srun --partition="$partition" --job-name="$job_name" --gres="gpu:$per_node" --ntasks="$gpus" \
    --ntasks-per-node="$per_node" --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 "${srun_args[@]}" \
    "$python" -u "$tools/train.py" "$config" --work-dir "$work_dir" --launcher slurm "$@"
