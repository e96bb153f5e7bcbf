#!/usr/bin/env bash
# Train both stages of a decoupled method, one after the other.
#
#   ./tools/two_stage.sh STAGE1_CONFIG STAGE2_CONFIG [arguments of tools/train.py, for both]
#   GPUS=8 ./tools/two_stage.sh STAGE1_CONFIG STAGE2_CONFIG     # each by tools/dist_train.sh
#
# The second stage takes the last checkpoint of the first from work_dirs/<name of its config>. Run the same command
# again to resume; a first stage that is finished is not trained again.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/_env.sh"
if [ $# -lt 2 ]; then
    echo "usage: $0 STAGE1_CONFIG STAGE2_CONFIG [arguments of tools/train.py]" >&2
    exit 2
fi
stages=("$1" "$2")
shift 2
for argument in "$@"; do
    case $argument in
        --work-dir* | --resume* | --first-stage*)
            echo "two_stage.sh: $argument is set for each stage here; use tools/train.py to choose it" >&2
            exit 2 ;;
    esac
done
for config in "${stages[@]}"; do
    if [ -n "${GPUS:-}" ]; then
        "$tools/dist_train.sh" "$config" "$GPUS" --resume "$@"
    else
        "$python" "$tools/train.py" "$config" --resume "$@"
    fi
done
