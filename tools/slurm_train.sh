#!/usr/bin/env bash
# Train on a Slurm cluster.
#
#   GPUS=16 ./tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [arguments of tools/train.py]
#   NNODES=4 GPUS_PER_NODE=4 ./tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR --amp --auto-scale-lr
#
# GPUS (8): processes in all. GPUS_PER_NODE (8, at most GPUS). NNODES: GPUS / GPUS_PER_NODE. CPUS_PER_TASK (5).
# SRUN_ARGS: more arguments for srun (--gres=none on a partition without GPUs). MASTER_ADDR: the first node of the job.
# PORT: where the processes meet; a random one, so that two jobs on a node do not. PYTHON as in dist_train.sh.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/_env.sh"
if [ $# -lt 4 ]; then
    echo "usage: [GPUS=8] [GPUS_PER_NODE=8] $0 PARTITION JOB_NAME CONFIG WORK_DIR [arguments of tools/train.py]" >&2
    exit 2
fi
partition=$1 job_name=$2 config=$3 work_dir=$4
shift 4
. "$tools/_slurm.sh"
exec "${srun[@]}" \
    "$python" -u "$tools/train.py" "$config" --work-dir "$work_dir" --launcher slurm "$@"
