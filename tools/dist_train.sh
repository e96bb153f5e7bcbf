#!/usr/bin/env bash
# Train on several GPUs, or on several CPU processes where there is no GPU.
#
#   ./tools/dist_train.sh CONFIG GPUS [arguments of tools/train.py]
#   NNODES=2 NODE_RANK=0 MASTER_ADDR=node0 PORT=29500 ./tools/dist_train.sh CONFIG 8     # on each node, its NODE_RANK
#   ./tools/dist_train.sh CONFIG 4 --amp --accumulate 2 --auto-scale-lr     # mixed precision, 2 batches an update
#
# GPUS is the number of processes on this machine: one per GPU with nccl; CPU processes with gloo without a GPU (each
# with cores / GPUS threads unless OMP_NUM_THREADS is set). PORT: a free one on a single node, 29500 on several, where
# NODE_RANK and MASTER_ADDR, the address of node 0, are needed too. The batch size grows with GPUS and NNODES, the
# learning rate only by --auto-scale-lr.
# The interpreter is PYTHON, else the one of tools/setup_env.sh, else the python on PATH.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/_env.sh"
if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG GPUS [arguments of tools/train.py]" >&2
    exit 2
fi
config=$1 gpus=$2
shift 2
exec "$python" -m longtail_det.cli.torchrun "$gpus" "$tools/train.py" "$config" --launcher pytorch "$@"
