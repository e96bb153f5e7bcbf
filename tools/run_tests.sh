#!/usr/bin/env bash
# Set up the environment, then check the style, the types, the tests, the examples in docstrings and the site.
#
#   ./tools/run_tests.sh                       # everything (7 minutes on two cores); exit code 0 only if all passed
#   ./tools/run_tests.sh --fast                # style, types and the tests marked `law` (2 to 3 minutes)
#   ./tools/run_tests.sh tests/compat -x       # with other arguments: pytest only, with these arguments
#
# VENV and PYTHON as in setup_env.sh.
set -euo pipefail
case "${1:-} ${2:-}" in '-h '* | '--help '* | '--fast -h' | '--fast --help') sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit ;; esac
root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=$("$root/tools/setup_env.sh" --dev)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} MPLBACKEND=Agg
cd "$root"
fast=false
[ "$*" != --fast ] || { fast=true && shift; }
[ $# -eq 0 ] || exec "$python" -m pytest "$@"

summary=() failed=0
stage() {
    local name=$1 began=$SECONDS result=ok
    shift
    printf '\n== %s\n' "$name"
    "$python" -m "$@" || { result=FAILED failed=1; }
    summary+=("$(printf '%-12s %-7s %4d s' "$name" "$result" "$((SECONDS - began))")")
}
core=(annotations calibration evaluation functional losses reports sampling statistics visualization test_core.py)
parallel=(-n auto --maxprocesses 4 --dist worksteal) # a process takes 2 GB
stage 'ruff check' ruff check .
stage 'ruff format' ruff format --check .
stage 'mypy' mypy
if $fast; then
    stage 'law' pytest tests -m law "${parallel[@]}"
else
    stage 'tests' pytest tests "${parallel[@]}"
    stage 'core' tests.core_environment "${core[@]/#/tests/}" "${parallel[@]}"
    export PYTHONPATH=$root/tests${PYTHONPATH:+:$PYTHONPATH} # for quiet_logs, which keeps log lines out of the examples
    stage 'docstrings' pytest --doctest-modules longtail_det --ignore=longtail_det/.mim -p quiet_logs
    export NO_MKDOCS_2_WARNING=1
    stage 'site' mkdocs build --strict # --quiet would hide the warnings from --strict too
fi

printf '\n== summary\n'
printf '%s\n' "${summary[@]}"
exit "$failed"
