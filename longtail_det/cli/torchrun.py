"""Start torchrun for dist_train.sh and dist_test.sh: check the GPUs, choose the port, pass on a worker's error.

Example:
    python -m longtail_det.cli.torchrun 2 tools/train.py CONFIG --launcher pytorch

Reads NNODES, NODE_RANK, MASTER_ADDR and PORT from the environment; dist_train.sh says what they mean.
"""

from __future__ import annotations

import itertools
import logging
import os
import socket
import sys
from collections.abc import Mapping, Sequence

from .errors import UserError, one_line_errors


@one_line_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run `PROCESSES SCRIPT ARGUMENTS...` and return the exit code of the first process that failed, or 0."""
    processes, *command = sys.argv[1:] if argv is None else argv
    if not processes.isdecimal() or int(processes) < 1:
        raise UserError(f'expected the number of GPUs (processes, where there is no GPU), 1 or more; got {processes!r}')
    check_gpus(int(processes), on_cpu=asks_for_cpu(command))
    return launch([*torchrun_options(processes, os.environ), *command])


def asks_for_cpu(command: Sequence[str]) -> bool:
    """Return whether `--device cpu` is among the arguments.

    Example:
        >>> asks_for_cpu(['train.py', '--device', 'cpu']), asks_for_cpu(['train.py', '--device=cuda', 'cpu'])
        (True, False)
    """
    return '--device=cpu' in command or ('--device', 'cpu') in itertools.pairwise(command)


def check_gpus(processes: int, on_cpu: bool) -> None:
    """Raise where there are fewer GPUs than processes; on the CPU share its cores among them.

    Raises:
        UserError: more processes than GPUs.
    """
    import torch

    if on_cpu or not torch.cuda.is_available():
        cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
        threads = str(max(1, cores // processes))
        # mmengine sets the second to 1 where it finds none
        os.environ.setdefault('MKL_NUM_THREADS', os.environ.setdefault('OMP_NUM_THREADS', threads))
    elif processes > torch.cuda.device_count():
        raise UserError(
            f'{processes} GPUs asked for, and this machine shows {torch.cuda.device_count()}; '
            'ask for fewer (or check CUDA_VISIBLE_DEVICES), or give --device cpu'
        )


def torchrun_options(processes: str, environment: Mapping[str, str]) -> list[str]:
    """Return torchrun's options from the environment.

    A single machine gets a free port, so that two runs do not meet; several must agree on one.

    Example:
        >>> torchrun_options('8', {'NNODES': '2', 'NODE_RANK': '1', 'MASTER_ADDR': 'node0'})[:2]
        ['--nnodes=2', '--node-rank=1']
    """
    nodes = environment.get('NNODES', '1')
    _check_nodes(nodes, environment)
    port = environment.get('PORT') or (str(_free_port()) if nodes == '1' else '29500')
    return [
        f'--nnodes={nodes}',
        f'--node-rank={environment.get("NODE_RANK", "0")}',
        f'--master-addr={environment.get("MASTER_ADDR", "127.0.0.1")}',
        f'--master-port={port}',
        f'--nproc-per-node={processes}',
    ]


def _check_nodes(nodes: str, environment: Mapping[str, str]) -> None:
    """Raise where the nodes would wait for each other forever."""
    for name, value in (('NNODES', nodes), ('PORT', environment.get('PORT') or '1')):
        if not value.isdecimal() or int(value) < 1:
            raise UserError(f'{name}={value}; expected a number, 1 or more')
    if nodes == '1':
        return
    if 'MASTER_ADDR' not in environment:
        raise UserError(f'NNODES={nodes}, but MASTER_ADDR is not set; give each node the address of node 0')
    rank = environment.get('NODE_RANK', '')
    if not rank.isdecimal() or int(rank) >= int(nodes):
        raise UserError(
            f'NNODES={nodes}, but NODE_RANK is {rank or "not set"}; give each node its own, 0 to {int(nodes) - 1}'
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])


def launch(arguments: Sequence[str]) -> int:
    """Run torchrun in this process, with the one line of a worker in place of its banner; return the exit code."""
    import torch.distributed as dist
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # torch 2.1 gives the second a level of its own, and has no class for the error of a port
    for name in ('torch.distributed.elastic', 'torch.distributed.elastic.multiprocessing.api'):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    network_error = getattr(dist, 'DistNetworkError', RuntimeError)
    try:
        run.run(run.parse_args(list(arguments)))
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if os.path.isfile(failure.error_file):  # where `one_line_errors` leaves its line
            print(failure.message, file=sys.stderr)
        else:
            print(f'process {rank} ended with exit code {failure.exitcode}; its output is above', file=sys.stderr)
        return failure.exitcode if failure.exitcode > 0 else 128 - failure.exitcode
    except SignalException as error:
        return 128 + error.sigval
    except network_error as error:
        raise UserError(f'the processes cannot meet ({error}); check MASTER_ADDR, or set PORT to a free one') from None
    return 0


if __name__ == '__main__':
    sys.exit(main())
