# Sourced by the launchers: $tools, the folder of the tools, and $python, the interpreter to use: PYTHON, else the
# environment of tools/setup_env.sh (VENV or .venv of this checkout), else the python on PATH.
tools=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-}
for candidate in "${VENV:-}/bin/python" "${VENV:-}" "${tools%/*}/.venv/bin/python" "$(command -v python || command -v python3)"; do
    [ -n "$python" ] || { [ -f "$candidate" ] && [ -x "$candidate" ] && python=$candidate; }
done
[ -n "$python" ] || { echo "$0: no python found; run ./tools/setup_env.sh, or set PYTHON" >&2; exit 2; }
