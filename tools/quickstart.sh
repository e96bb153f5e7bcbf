#!/usr/bin/env bash
# From nothing to a report: environment, embedded dataset, training, evaluation.
#
#   ./tools/quickstart.sh                                  # Mask R-CNN + SeesawLoss on LongTailGlyphs
#   ./tools/quickstart.sh --iters 200 --device cpu --out work_dirs/short
#   ./tools/quickstart.sh --config configs/glyphs/mask-rcnn_r18_fpn_ce_random-ss-600i_glyphs.py --out work_dirs/softmax
#
# --iters N     training steps of 8 images (default: the config's)
# --device D    auto, cpu or cuda (default auto)
# --out DIR     folder of checkpoints, logs, report.html and its numbers as csv and md (default work_dirs/quickstart)
# --config C    another glyph config
#
# Run the same command again to resume; delete DIR to start over.
# VENV and PYTHON as in setup_env.sh.
set -euo pipefail
root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
iters='' device=auto out=$root/work_dirs/quickstart
config=$root/configs/glyphs/mask-rcnn_r18_fpn_seesaw_random-ss-600i_glyphs.py

die() { printf 'quickstart.sh: %s\n' "$*" >&2; exit 2; }
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) sed -n '2,/^set -/{/^set -/!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
        --iters | --device | --out | --config)
            [ $# -ge 2 ] || die "$1 needs a value; --help shows the options"
            declare "${1#--}=$2"
            shift 2 ;;
        *) die "unknown option '$1'; --help shows the options" ;;
    esac
done
case $iters in *[!0-9]* | 0) die "--iters $iters: expected a number of training steps, 1 or more" ;; esac
case $device in auto | cpu | cuda) ;; *) die "--device $device: expected auto, cpu or cuda" ;; esac
[ -f "$config" ] || die "--config $config: no such file; look into configs/glyphs"
out=$(realpath -m "$out") config=$(realpath "$config")

stage() { printf '\n[quickstart] %s (%d s so far)\n' "$*" "$SECONDS"; }
stage '1/5 environment'
python=$("$root/tools/setup_env.sh")
cd "$root"

stage '2/5 LongTailGlyphs in data/glyphs'
"$python" tools/data/make_glyphs.py --out data/glyphs

# the test that follows evaluates and keeps the predictions for the report, so training does not evaluate as well
options=(val_cfg=None val_dataloader=None val_evaluator=None)
if [ -n "$iters" ]; then
    warmup=$((iters < 200 ? (iters + 3) / 4 : 50))
    options+=("train_cfg.max_iters=$iters" "param_scheduler.0.end=$warmup" "param_scheduler.1.begin=$warmup"
        "param_scheduler.1.end=$iters")
fi
stage "3/5 training ${config##*/}"
"$python" tools/train.py "$config" --work-dir "$out" --device "$device" --resume --cfg-options "${options[@]}"

stage '4/5 evaluation'
"$python" tools/test.py "$config" "$out/$(basename "$(cat "$out/last_checkpoint")")" --work-dir "$out" --device "$device" \
    --eval bbox segm --out "$out/results.npz"

stage '5/5 report'
"$python" tools/analysis/report.py "$out" --out "$out/report.html"
stage "done: $out/report.html"
