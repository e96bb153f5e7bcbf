#!/usr/bin/env bash
# Set up the environment, then check the style, the types, the tests and the examples in docstrings.
#
#   ./tools/run_tests.sh                       # everything; exit code 0 only if all passed
#   ./tools/run_tests.sh tests/compat -x       # with arguments: pytest only, with these arguments
#
# VENV and PYTHON as in setup_env.sh.
set -euo pipefail
root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=$("$root/tools/setup_env.sh" --dev)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2} MPLBACKEND=Agg
cd "$root"
[ $# -eq 0 ] || exec "$python" -m pytest "$@"

summary=() failed=0
stage() {
    local name=$1 began=$SECONDS result=ok
    shift
    printf '\n== %s\n' "$name"
    "$python" -m "$@" || { result=FAILED failed=1; }
    summary+=("$(printf '%-12s %-7s %4d s' "$name" "$result" "$((SECONDS - began))")")
}
stage 'ruff check' ruff check .
stage 'ruff format' ruff format --check .
stage 'mypy' mypy
stage 'tests' pytest tests
export PYTHONPATH=$root/tests${PYTHONPATH:+:$PYTHONPATH} # for quiet_logs, which keeps log lines out of the examples
stage 'docstrings' pytest --doctest-modules longtail_det --ignore=longtail_det/.mim -p quiet_logs

printf '\n== summary\n'
printf '%s\n' "${summary[@]}"
exit "$failed"
