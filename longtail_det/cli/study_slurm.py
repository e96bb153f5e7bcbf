"""A study on a Slurm cluster: an array job whose tasks are workers that share the folder of the runs."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys

from .errors import UserError


def launch(args: argparse.Namespace) -> int:
    """Print the job script, or hand it to sbatch with --submit; return the exit code.

    Args:
        args: of the command line.

    Raises:
        UserError: no partition, or no sbatch here.
    """
    if not args.partition:
        raise UserError('--launcher slurm needs a --partition; sinfo lists them')
    script = job_script(args)
    if not args.submit:
        print(script, end='')
        return 0
    try:
        return subprocess.run(['sbatch'], input=script, text=True, check=False).returncode
    except FileNotFoundError:
        raise UserError('--submit, but there is no sbatch here; leave it out to print the script') from None


def job_script(args: argparse.Namespace) -> str:
    """Return the script of the array job: one task for each of --jobs, which starts this command with one job.

    A task that Slurm ends at its time limit loses no run: submit the job again.

    Args:
        args: of the command line.
    """
    worker = [sys.executable, '-m', 'longtail_det', 'study', args.study, '--jobs', '1']
    for option in ('work_dir', 'out', 'device'):
        if getattr(args, option):
            worker += [f'--{option.replace("_", "-")}', getattr(args, option)]
    if args.only:
        worker += ['--only', *args.only]
    if args.seeds:
        worker += ['--seeds', *map(str, args.seeds)]
    gpus = os.environ.get('GPUS_PER_NODE', '0' if args.device == 'cpu' else '1')
    options = [
        f'--partition={args.partition}',
        '--job-name=study',
        f'--array=0-{args.jobs - 1}',
        '--nodes=1',
        '--ntasks=1',
        f'--cpus-per-task={os.environ.get("CPUS_PER_TASK", "5")}',
        *([] if gpus == '0' else [f'--gres=gpu:{gpus}']),
        '--output=study-%A_%a.out',
        # so that the worker can end its training and give up its run
        '--signal=TERM@60',
        *shlex.split(os.environ.get('SBATCH_ARGS', '')),
    ]
    lines = ['#!/usr/bin/env bash', *(f'#SBATCH {option}' for option in options), 'set -euo pipefail']
    return '\n'.join([*lines, f'exec srun {shlex.join(worker)}']) + '\n'
