#!/usr/bin/env bash
# Test on several GPUs, or on several CPU processes where there is no GPU.
#
#   ./tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of tools/test.py]     # for example --eval bbox segm
#
# NNODES, NODE_RANK, MASTER_ADDR, PORT and PYTHON as in dist_train.sh.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/_env.sh"
if [ $# -lt 3 ]; then
    echo "usage: $0 CONFIG CHECKPOINT GPUS [arguments of tools/test.py]" >&2
    exit 2
fi
config=$1 checkpoint=$2 gpus=$3
shift 3
exec "$python" -m longtail_det.cli.torchrun "$gpus" "$tools/test.py" "$config" "$checkpoint" --launcher pytorch "$@"
