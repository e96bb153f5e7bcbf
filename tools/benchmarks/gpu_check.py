"""Check the package on a GPU, in pieces of under 9 minutes that go on where they were stopped.

    cases       the tests marked `cuda`: every loss, NMS, masks, memory and calibration against the CPU, half precision,
                no wait for the device, NCCL
    throughput  img/s and memory of Mask R-CNN R50 at 800 x 1333 with 1203 classes, mmdet's heads beside ours
    benchmarks  losses.py, nms.py and mask_head.py
    data        LongTailGlyphs of the lvis preset, in data/glyphs_lvis
    softmax, seesaw, rfs    the 1203-class study: each trains 2000 steps and evaluates

--dry-run runs every piece at a tiny size on the CPU, in a folder of its own.

Example:
    python tools/benchmarks/gpu_check.py --list
    python tools/benchmarks/gpu_check.py --dry-run cases
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from harness import end_with, machine, markdown_table

ROOT = Path(__file__).resolve().parents[2]
#: seconds of a piece; then it is stopped
LIMIT = 530
STUDY = {
    'softmax': 'mask-rcnn_r18_fpn_ce_random-ss-2000i_glyphs-lvis',
    'seesaw': 'mask-rcnn_r18_fpn_seesaw_random-ss-2000i_glyphs-lvis',
    'rfs': 'mask-rcnn_r18_fpn_ce_rfs-ss-2000i_glyphs-lvis',
}
TINY_GLYPHS = '--num-train 200 --num-val 64 --val-instances 1 --repeats 1.5 --count-divisor 500'
TINY_TRAINING = (
    'train_cfg.max_iters=2 train_cfg.val_interval=2 train_dataloader.batch_size=2 train_dataloader.num_workers=0 '
    'train_dataloader.persistent_workers=False val_dataloader.num_workers=0 val_dataloader.persistent_workers=False'
)


@dataclass(frozen=True)
class Piece:
    """A part of the check.

    Args:
        commands: arguments of python, one line each; ROOT stands for the checkout, OUT for the folder of the check.
        tiny: what is added to each command, or takes the place of `--device cuda` in it, in a dry run.
        table: makes the table from the folder of the check; None: what the commands print is the table.
    """

    commands: tuple[str, ...]
    tiny: tuple[str, ...]
    table: Callable[[Path], str] | None = None


def study_table(name: str) -> Callable[[Path], str]:
    """Return a function that makes the table of a run."""

    def table(out: Path) -> str:
        results: dict[str, float] = {}
        for path in sorted((out / name).glob('*/vis_data/scalars.json')):
            for line in path.read_text().splitlines():
                results.update({key: value for key, value in json.loads(line).items() if key.startswith('lvis/')})
        rows = [
            [STUDY[name], kind, *(percent(results[f'lvis/{kind}_{key}']) for key in ('AP', 'APr', 'APc', 'APf'))]
            for kind in ('bbox', 'segm')
        ]
        return markdown_table(['config', 'metric', 'AP', 'APr', 'APc', 'APf'], rows)

    return table


def percent(value: float) -> str:
    """Return an AP in percent, `-` where there was nothing to find."""
    return f'{100 * value:.1f}' if value >= 0 else '-'


def pieces() -> dict[str, Piece]:
    """Return the pieces by name, in order."""
    cases = ' '.join(f'ROOT/{path.relative_to(ROOT)}' for path in sorted((ROOT / 'tests').rglob('test_on_device.py')))
    benchmarks = 'ROOT/tools/benchmarks'
    train = 'ROOT/tools/train.py ROOT/configs/glyphs/{config}.py --work-dir OUT/{name} --resume --device cuda'
    found = {
        'cases': Piece(
            (f'-m pytest -c ROOT/pyproject.toml {cases} -m cuda -q --disable-warnings --device cuda',), ('',)
        ),
        'throughput': Piece(
            (f'{benchmarks}/throughput.py --device cuda',),
            ('--image-size 64 96 --num-classes 20 --num-rois 8 --batch 1 --steps 1 --images 1',),
        ),
        'benchmarks': Piece(
            (
                f'{benchmarks}/losses.py --device cuda',
                f'{benchmarks}/nms.py --device cuda',
                f'{benchmarks}/mask_head.py --device cuda --max-gb 8',
            ),
            (
                '--num-rois 32 --num-classes 30 --rounds 1',
                '--num-classes 20 --num-rois 50 --rounds 1',
                '--classes 20 --num-rois 4 --num-masks 5 --rounds 1',
            ),
        ),
        'data': Piece(('ROOT/tools/data/make_glyphs.py --preset lvis --out data/glyphs_lvis',), (TINY_GLYPHS,)),
    }
    for name, config in STUDY.items():
        command = train.format(config=config, name=name)
        found[name] = Piece((command,), (f'--cfg-options {TINY_TRAINING}',), table=study_table(name))
    return found


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('pieces', nargs='*', metavar='PIECE', help='what to run; default: all that is not done')
    parser.add_argument('--list', action='store_true', help='show the pieces and whether they are done')
    parser.add_argument('--dry-run', action='store_true', help='everything at a tiny size on the CPU')
    parser.add_argument('--out', type=Path, help='folder of tables and logs (work_dirs/gpu_check, with _dry_run)')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the pieces and return the exit code."""
    args = build_parser().parse_args(argv)
    known = pieces()
    unknown = [name for name in args.pieces if name not in known]
    if unknown:
        end_with(f'no piece {unknown[0]}; expected {", ".join(known)}')
    out = (args.out or ROOT / 'work_dirs' / ('gpu_check_dry_run' if args.dry_run else 'gpu_check')).resolve()
    if args.list:
        print('\n'.join(f'{name:<12}{"done" if (out / f"{name}.md").is_file() else "to do"}' for name in known))
        return 0
    if not (args.dry_run or torch.cuda.is_available()):
        end_with('PyTorch sees no GPU here; check nvidia-smi, or try the script on the CPU with --dry-run')
    out.mkdir(parents=True, exist_ok=True)
    wanted = args.pieces or [name for name in known if not (out / f'{name}.md').is_file()]
    failed = [name for name in wanted if not run_piece(name, known[name], out, args.dry_run)]
    done = [path.read_text() for name in known if (path := out / f'{name}.md').is_file()]
    (out / 'report.md').write_text('\n'.join(done))
    print(f'{len(done)} of {len(known)} pieces done; all tables: {out / "report.md"}')
    return 1 if failed else 0


def run_piece(name: str, piece: Piece, out: Path, dry_run: bool) -> bool:
    """Run a piece, print its table and keep it; return whether it came to its end."""
    print(f'== {name}', flush=True)
    began, log = time.monotonic(), out / f'{name}.log'
    printed, lines = [], []
    for command, tiny in zip(piece.commands, piece.tiny, strict=True):
        line = command.replace('--device cuda', f'--device cpu {tiny}') if dry_run else command
        line = f'{line} {tiny}' if dry_run and line == command else line
        words = [word.replace('ROOT', str(ROOT)).replace('OUT', str(out)) for word in shlex.split(line)]
        lines.append(f'python {line.replace("ROOT/", "")}')
        # data of a dry run are in its own folder
        code, text = call(words, LIMIT - (time.monotonic() - began), log, cwd=out if dry_run else ROOT)
        printed.append(text)
        if code != 0:
            print(text[-2000:])
            why = f'stopped after {LIMIT} s' if code is None else f'exit code {code}'
            print(f'{name}: {why}; log: {log}; the same command goes on', file=sys.stderr)
            return False
    table = piece.table(out) if piece.table else '\n'.join(printed).strip()
    today = datetime.date.today().isoformat()
    head = f'{today}, {machine("cpu" if dry_run else "cuda")}, CUDA {torch.version.cuda}'
    text = '\n'.join([f'## {name}', '', head, *(f'`{line}`' for line in lines), '', table, ''])
    (out / f'{name}.md').write_text(text)
    print(f'{table}\n({time.monotonic() - began:.0f} s)\n', flush=True)
    return True


def call(words: Sequence[str], seconds: float, log: Path, cwd: Path) -> tuple[int | None, str]:
    """Run python, its messages into the log.

    Args:
        words: arguments.
        seconds: after which it and its processes are stopped.
        log: file that the messages are added to.
        cwd: where it runs.

    Returns:
        Exit code, None where it was stopped; and what it printed.
    """
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])}
    with log.open('a') as messages:
        messages.write(f'$ {sys.executable} {shlex.join(words)}\n')
        messages.flush()
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=cwd,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=messages,
            text=True,
            start_new_session=True,
        )
        try:
            text, _ = process.communicate(timeout=max(seconds, 1))
            code = process.returncode
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            os.killpg(process.pid, signal.SIGKILL)
            text, code = process.communicate()[0], None
        messages.write(text)
    return code, text


if __name__ == '__main__':
    raise SystemExit(main())
