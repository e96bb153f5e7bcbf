# Sourced by the launchers before they look at their arguments: --help; $tools, the folder of the tools; and $python, the
# interpreter to use: PYTHON, else the environment of tools/setup_env.sh (VENV or .venv of this checkout), else the python
# on PATH.
case ${1:-} in -h | --help) sed -n '2,/^set -/{/^set -/!s/^# \{0,1\}//p}' "$0"; exit 0 ;; esac
tools=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-}
for candidate in "${VENV:-}/bin/python" "${VENV:-}" "${tools%/*}/.venv/bin/python" "$(command -v python || command -v python3)"; do
    [ -n "$python" ] || { [ -f "$candidate" ] && [ -x "$candidate" ] && python=$candidate; }
done
[ -n "$python" ] || { echo "$0: no python found; run ./tools/setup_env.sh, or set PYTHON" >&2; exit 2; }
