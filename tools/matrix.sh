#!/usr/bin/env bash
# Build the wheel, install it in an environment for each cell of the table in docs/install.md and README.md, run tests there.
#
#   ./tools/matrix.sh                        # every cell, one after the other; 3 to 7 GB each, removed when it is done
#   ./tools/matrix.sh oldest onedl           # these cells
#   ./tools/matrix.sh --keep newest          # leave the environment; --reuse runs the tests in one that was left
#   ./tools/matrix.sh --short reference      # fewer tests: those that ask most of the versions
#
# Cells: core (no extra), oldest, reference (tools/setup_env.sh), newest, onedl, compiled (mmcv with its compiled ops),
# adapters (tests/adapters with the detectors that they take). Each row is one line on stdout and in the table.
# PYTHON_OLDEST, PYTHON_NEWEST, ... name the interpreter of a cell (an upper-case name of the cell), PYTHON that of the
# others, MATRIX the folder of the environments (work_dirs/matrix), NICE how nice builds and tests are (10).
set -euo pipefail
case ${1:-} in -h | --help) sed -n '2,/^set -/{/^set -/!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" && exit ;; esac
root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
matrix=${MATRIX:-work_dirs/matrix}
mkdir -p "$matrix" && matrix=$(cd "$matrix" && pwd)
cells=(core oldest reference newest onedl compiled adapters)
nice=${NICE:-10}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} MPLBACKEND=Agg

say() { printf '[matrix] %s\n' "$*" >&2; }
die() { printf 'matrix.sh: %s\n' "$*" >&2; exit 2; }

# ops, checkpoints, registration, losses (eager, half precision, compiled), whole detectors, tracing and export
short=(tests/compat tests/test_core.py tests/test_registration.py tests/losses/test_every_loss.py
    tests/models/test_recording.py tests/models/bbox_heads/test_{long_tail_bbox_head,whole_detector}.py
    tests/models/mask_heads/test_detectors.py -m law)

keep=false reuse=false is_short=false chosen=()
for argument in "$@"; do
    case $argument in
        --keep) keep=true ;;
        --reuse) keep=true reuse=true ;;
        --short) is_short=true ;;
        *) [[ " ${cells[*]} " == *" $argument "* ]] || die "no cell '$argument'; there are ${cells[*]}"
           chosen+=("$argument") ;;
    esac
done

first_of() {
    local name
    for name in "$@"; do ! command -v "$name" || return 0; done
    die "none of $* is here; name an interpreter: PYTHON_${cell^^}=/path/to/python"
}

base_of() {
    local variable=PYTHON_${cell^^}
    case ${!variable:-}:$cell in
        [!:]*) printf '%s\n' "${!variable}" ;;
        :oldest) first_of python3.10 ;;
        :newest) first_of python3.14 python3.13 python3.12 ;;
        *) printf '%s\n' "${PYTHON:-python3}" ;;
    esac
}

pip() { nice -n "$nice" "$python" -m pip install --no-input --disable-pip-version-check --progress-bar off "$@"; }

# What a user types, and what the tests need beside it. `|| return`, because errexit is off in what `||` follows.
install() {
    local base wheel
    base=$(base_of) && "$base" -m venv "$venv" && pip --upgrade pip && pip -r requirements/build.txt build || return
    nice -n "$nice" "$python" -m build --no-isolation --wheel --outdir "$matrix/dist" "$root" || return
    wheel=$(ls -t "$matrix"/dist/*.whl | head -n 1)
    case $cell in
        core) pip "$wheel" ;;
        oldest) pip "$wheel[mmdet]" 'torch==2.1.*' 'torchvision==0.16.*' 'numpy==1.26.*' ;;
        newest) pip "$wheel[mmdet]" ;;
        onedl) pip "$wheel[onedl]" onedl-mim ;;
        compiled)
            # setuptools: mmcv's set-up imports pkg_resources
            pip -c requirements/constraints.txt torch torchvision numpy ninja psutil 'setuptools<82' wheel &&
                MMCV_WITH_OPS=1 pip --no-build-isolation --no-deps 'mmcv>=2.0.1,<2.2' &&
                pip -c requirements/constraints.txt "$wheel" 'mmengine>=0.10,<1' 'mmdet>=3.3,<3.4' lvis opencv-python ;;
        adapters) pip "$wheel[adapters]" ultralytics 'rfdetr[train]' ;;
    esac || return
    pip -r requirements/tests.txt
}

tests_of() {
    case $cell in
        core) sed -n 's/^core=(\(.*\))$/\1/p' tools/run_tests.sh | tr ' ' '\n' | sed 's|^|tests/|' && printf -- '-m\nlaw\n' ;;
        adapters) echo tests/adapters ;;
        *) if $is_short; then printf '%s\n' "${short[@]}"; else printf '%s\n' tests -m law; fi ;;
    esac
}

versions() {
    "$python" - <<'EOF'
from importlib.metadata import PackageNotFoundError, version
from platform import python_version


def of(*names):
    for name in names:
        try:
            return f'{name} {version(name)}' if len(names) > 1 else version(name)
        except PackageNotFoundError:
            continue
    return '-'


mmdet, mmcv = of('onedl-mmdetection', 'mmdet'), of('onedl-mmcv', 'mmcv-lite', 'mmcv')
print(' | '.join([python_version(), of('torch'), of('torchvision'), of('numpy'), mmdet, mmcv]))
EOF
}

run_cell() {
    venv=$matrix/$cell python=$matrix/$cell/bin/python log=$matrix/$cell.log
    local arguments row outcome which=law
    case $cell:$is_short in core:* | adapters:*) which=$cell ;; *:true) which=short ;; esac
    if [ "$cell" = reference ] && ! $reuse; then
        VENV=$venv "$root/tools/setup_env.sh" --dev >"$log"
    elif ! $reuse; then
        rm -rf "$venv"
        say "$cell: installing (log: $log)"
        install >"$log" 2>&1 ||
            { printf '| %s | could not be installed: %s |\n' "$cell" "$(tail -n 1 "$log")" && return 1; }
    fi
    mapfile -t arguments < <(tests_of)
    say "$cell: pytest ${arguments[*]}"
    nice -n "$nice" "$python" -m pytest -q -p no:cacheprovider "${arguments[@]}" >"$matrix/$cell.tests.log" 2>&1 || true
    outcome=$(tail -n 1 "$matrix/$cell.tests.log" | sed 's/ in [0-9].*//; s/, [0-9]* \(deselected\|warnings\{0,1\}\)//g; s/=//g; s/^ *//; s/ *$//')
    row="| $cell | $(versions) | $which | $outcome | $(date -u +%F) |"
    printf '%s\n' "$row"
    # the row of the two tables, where they have one
    row=$(printf '%s' "$row" | sed 's/[&\\#]/\\&/g')
    sed -i "s#^| $cell | .*#$row#" docs/install.md README.md
    $keep || rm -rf "$venv"
    [[ $outcome != *failed* && $outcome != *error* && $outcome == *passed* ]]
}

failed=0
for cell in "${chosen[@]:-${cells[@]}}"; do
    run_cell || { failed=1; say "$cell: FAILED"; }
done
exit "$failed"
