#!/usr/bin/env bash
# Check the package on a GPU: tests, throughput, benchmarks and the 1203-class study, in pieces of under 9 minutes.
#
#   ./tools/gpu_check.sh                # every piece that is not done yet, about half an hour in all
#   ./tools/gpu_check.sh cases          # one piece; --list shows them
#   ./tools/gpu_check.sh --dry-run      # every piece at a tiny size on the CPU, to try the script itself
#
# Tables and logs go to work_dirs/gpu_check (--out). Run the same command again to resume.
# VENV and PYTHON as in setup_env.sh.
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
. "$(dirname "${BASH_SOURCE[0]}")/_env.sh"
exec "$python" "$tools/benchmarks/gpu_check.py" "$@"
