#!/usr/bin/env bash
# Install the reference environment and this package; does nothing when it is already there.
#
#   ./tools/setup_env.sh [--dev]              # into .venv of this checkout; --dev adds pytest, ruff, mypy, mkdocs
#   VENV=~/envs/lt ./tools/setup_env.sh       # into that environment (made if missing), or that python executable
#   PYTHON=python3.12 ./tools/setup_env.sh    # the interpreter that a new environment is made from
#
# Prints progress on stderr and, last, the path of the environment's python on stdout. About 5 GB and two minutes the
# first time. pip's own configuration (index, proxy, cache) is honored. mmcv is not compiled.
set -euo pipefail
root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mode=user

say() { printf '[setup] %s\n' "$*" >&2; }
die() { printf 'setup_env.sh: %s\n' "$*" >&2; exit "${status:-2}"; }

for arg in "$@"; do
    case $arg in
        --dev) mode=dev ;;
        -h | --help) sed -n '2,/^set -/{/^set -/!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
        *) die "unknown option '$arg'; usage: [VENV=path] [PYTHON=python3.x] $0 [--dev]" ;;
    esac
done

[ -f "$root/requirements/constraints.txt" ] || die "no requirements/ beside $root; run this in a checkout of the repository"

check_version() {
    local version
    version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
        die "'$1' is no Python that runs; install Python 3.10 to 3.13 or name one: PYTHON=/path/to/python3.11 $0"
    case $version in
        3.10 | 3.11 | 3.12 | 3.13) ;;
        *) die "$1 is Python $version, the reference environment needs 3.10 to 3.13; name one: PYTHON=/path/to/python3.11 $0" ;;
    esac
}

venv=${VENV:-$root/.venv}
[ "${venv#/}" != "$venv" ] || venv=$PWD/$venv
if [ -f "$venv" ]; then
    python=$venv
    check_version "$python"
    venv=$("$python" -c 'import sys; print(sys.prefix)')
else
    python=$venv/bin/python
fi

fingerprint() {
    {
        printf '%s\n' "$root" "$(readlink -f "$python")"
        cat "$root"/requirements/*.txt "$root/pyproject.toml" "$root"/setup.* "$root"/longtail_det/compat/startup/*.p{y,th}
    } | sha256sum | cut -d' ' -f1
}

stamp=$venv/.longtail_det_stamp lock=$venv/.longtail_det_lock
is_current() {
    local have_print='' have_mode=''
    [ -x "$python" ] && [ -f "$stamp" ] && read -r have_print have_mode <"$stamp" || return 1
    [ "$have_print" = "$(fingerprint)" ] && { [ "$have_mode" = "$mode" ] || [ "$have_mode" = dev ]; }
}

make_venv() {
    if [ -x "$python" ]; then
        check_version "$python"
        "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip >/dev/null 2>&1 ||
            status=1 die "$python has no pip and cannot install it; delete $venv and run this again"
        return
    fi
    local base=${PYTHON:-python3}
    check_version "$base"
    say "making $venv with $base"
    "$base" -m venv "$venv" >"$log" 2>&1 || status=1 die "'$base -m venv' failed (on Debian and Ubuntu" \
        "install python3-venv, then delete $venv): $(tail -n 1 "$log")"
}

# Show the big downloads only: sixty small packages tell a reader nothing.
show_progress() {
    sed -unE -e 's/^ *Downloading ([^-]+-[^-]+)-.*\(([0-9.]+ GB|[0-9]{2,}\.[0-9]+ MB)\)$/[setup]     downloading \1 (\2)/p' \
        -e 's/^Installing collected.*/[setup]     unpacking/p' >&2
}

explain_failure() {
    local pattern='connection broken by|Max retries|Failed to establish|name resolution|unreachable|ProxyError'
    if grep -qiE "$pattern" "$log"; then
        status=1 die "pip cannot reach its package index: check the network or pip's index and proxy settings (log: $log)"
    fi
    status=1 die "pip failed: $(grep -m 1 '^ERROR' "$log" || tail -n 1 "$log") (log: $log)"
}

install() {
    local title=$1 began=$SECONDS
    shift
    say "$title ..."
    "$python" -m pip install --no-input --disable-pip-version-check --retries 2 --progress-bar off "$@" 2>&1 |
        tee "$log" | show_progress || explain_failure
    say "$title: $((SECONDS - began)) s"
}

# A server without libGL cannot import opencv-python; the headless build of the same version needs none.
fix_opencv() {
    local error version
    error=$("$python" -c 'import cv2' 2>&1) && return
    case $error in *'cannot open shared object'*) ;; *) return 0 ;; esac
    version=$("$python" -c 'from importlib.metadata import version; print(version("opencv-python"))')
    say "this machine has no display libraries: replacing opencv-python by opencv-python-headless $version"
    "$python" -m pip uninstall -qy opencv-python >"$log" 2>&1 || explain_failure
    install 'opencv-python-headless' --no-deps "opencv-python-headless==$version"
}

if ! is_current; then
    # a folder with our lock is ours: a set-up that begins at the same time has written only its log there yet
    if [ -d "$venv" ] && [ ! -e "$lock" ] && [ ! -f "$venv/pyvenv.cfg" ] && [ ! -x "$python" ] && [ -n "$(ls "$venv")" ]; then
        die "VENV=$venv is neither a Python environment nor an empty folder; name another one"
    fi
    mkdir -p "$venv" && [ -w "$venv" ] || status=1 die "cannot write to $venv; set VENV=path to an environment of yours"
    if command -v flock >/dev/null; then
        exec 9>"$lock"
        flock -n 9 || { say 'another set-up is at work in this environment, waiting for it'; flock 9; }
    fi
fi
if ! is_current; then
    log=$venv/setup_env.log
    rm -f "$stamp"
    make_venv
    cd "$root"
    pins=(-c requirements/constraints.txt)
    install '1/4 build tools' "${pins[@]}" -r requirements/build.txt
    install '2/4 PyTorch and the libraries (the long one)' "${pins[@]}" -r requirements/runtime.txt
    extra=()
    [ "$mode" = user ] || extra=(-r requirements/tests.txt -r requirements/docs.txt)
    install '3/4 mmdetection' "${pins[@]}" -r requirements/mminstall.txt -r requirements/mim.txt "${extra[@]}"
    fix_opencv
    install '4/4 longtail_det' -e . --no-deps --no-build-isolation
    printf '%s %s\n' "$(fingerprint)" "$mode" >"$stamp"
    say "ready after $SECONDS s: $python"
fi
printf '%s\n' "$python"
