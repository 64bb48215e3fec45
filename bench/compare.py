#!/usr/bin/env python3
"""decant and PyTorch side by side: A B A B ... in one run, so that a busy neighbour slows both.

compare.py [--decant PROGRAM] [--python PYTHON] [--rounds N] [--seconds S] [CASE...]

The peer runs with the settings that make it fastest on CPUs we tried: OpenBLAS told its kernel family, the OpenMP build of OpenBLAS and
tcmalloc where Debian has them, AVX-512 kernels, with and without channels_last, a traced teacher. The fastest variant counts.
Prints a Markdown table; works without PyTorch (decant's own columns) and says so."""
import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DEBIAN = '/usr/lib/x86_64-linux-gnu'
VARIANTS = {'airline': [[]], 'mlp-1200': [[], ['bf16']], 'mlp-kd': [[], ['bf16']],
            'cifar-kd': [['channels_last', 'trace'], ['channels_last', 'bf16']]}
DEFAULT = [[], ['channels_last'], ['channels_last', 'bf16']]


def peer_environment():
    env = dict(os.environ, OMP_NUM_THREADS='2', OPENBLAS_CORETYPE='SkylakeX', ATEN_CPU_CAPABILITY='avx512')
    if os.path.isdir(DEBIAN + '/openblas-openmp'):
        env['LD_LIBRARY_PATH'] = DEBIAN + '/openblas-openmp'
    if os.path.exists(DEBIAN + '/libtcmalloc_minimal.so.4'):
        env['LD_PRELOAD'] = DEBIAN + '/libtcmalloc_minimal.so.4'
    return env


def run(command, env=None):
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit('%s failed:\n%s' % (' '.join(command), done.stderr.strip()[-500:]))
    return json.loads(done.stdout.strip().splitlines()[-1])


def middle(runs, key):
    return statistics.median(r[key] for r in runs)


def number(x):
    return '%.0f' % x if x >= 1000 else '%.3g' % x


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--decant', default=os.path.join(HERE, '../build/release/decant'))
    options.add_argument('--python', default='/usr/bin/python3')
    options.add_argument('--rounds', type=int, default=3)
    options.add_argument('--seconds', default='3')
    options.add_argument('cases', nargs='*')
    args = options.parse_args()
    env = peer_environment()
    version = subprocess.run([args.python, '-c', 'import torch; print(torch.__version__)'], env=env, capture_output=True, text=True)
    peer = version.returncode == 0
    print('PyTorch %s' % version.stdout.strip() if peer else 'no PyTorch in %s: decant alone' % args.python)
    cases = args.cases or ['airline', 'lightnn', 'deepnn', 'cifar-kd', 'mlp-1200', 'mlp-kd', 'fashion-1', 'fashion-3', 'resnet50']
    print('| step | decant images/s (min-max) | GFLOP/s | of peak | PyTorch f32 | PyTorch best | ratio f32 | ratio best | '
          'first step ms, decant / PyTorch | peak RSS MiB, decant / PyTorch |')
    print('|---|---|---|---|---|---|---|---|---|---|')
    for case in cases:
        ours, theirs = [], {}
        variants = VARIANTS.get(case, DEFAULT) if peer else []
        for _ in range(args.rounds):
            ours.append(run([args.decant, 'bench', 'train', case, '--json', '--seconds', args.seconds]))
            for flags in variants:
                theirs.setdefault(tuple(flags), []).append(
                    run([args.python, os.path.join(HERE, 'peer.py'), case, *flags, 'seconds=' + args.seconds], env))
        rate = middle(ours, 'images_per_second')
        row = [case, '%s (%s-%s)' % (number(rate), number(min(r['slowest'] for r in ours)), number(max(r['fastest'] for r in ours))),
               '%.1f' % (middle(ours, 'flops_per_second') / 1e9), '%.0f %%' % (100 * middle(ours, 'share_of_peak'))]
        if theirs:
            speed = {flags: middle(runs, 'images_per_second') for flags, runs in theirs.items()}
            best = max(speed, key=speed.get)
            best_f32 = max((f for f in speed if 'bf16' not in f), key=speed.get)
            row += [number(speed[best_f32]) + ' ' + ','.join(best_f32), number(speed[best]) + ' ' + ','.join(best),
                    '**%.2f**' % (rate / speed[best_f32]), '%.2f' % (rate / speed[best]),
                    '%.0f / %.0f' % (1e3 * middle(ours, 'first_step_seconds'), 1e3 * middle(theirs[best], 'first_step_seconds')),
                    '%.0f / %.0f' % (middle(ours, 'peak_rss_bytes') / 2**20, middle(theirs[best], 'peak_rss_bytes') / 2**20)]
        else:
            row += ['', '', '', '', '%.0f' % (1e3 * middle(ours, 'first_step_seconds')), '%.0f' % (middle(ours, 'peak_rss_bytes') / 2**20)]
        print('| ' + ' | '.join(row) + ' |', flush=True)


main()
