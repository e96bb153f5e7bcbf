#!/usr/bin/env bash
# Test on a Slurm cluster.
#
#   GPUS=16 ./tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of tools/test.py]
#
# GPUS, GPUS_PER_NODE, NNODES, CPUS_PER_TASK, SRUN_ARGS, PORT and PYTHON as in slurm_train.sh.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/_env.sh"
if [ $# -lt 4 ]; then
    echo "usage: [GPUS=8] [GPUS_PER_NODE=8] $0 PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of tools/test.py]" >&2
    exit 2
fi
partition=$1 job_name=$2 config=$3 checkpoint=$4
shift 4
. "$tools/_slurm.sh"
exec "${srun[@]}" \
    "$python" -u "$tools/test.py" "$config" "$checkpoint" --launcher slurm "$@"
