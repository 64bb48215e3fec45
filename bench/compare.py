#!/usr/bin/env python3
"""decant and PyTorch side by side: A B A B ... so that a busy neighbour slows both.

compare.py [--rounds N] [--seconds S] [--budget SECONDS] [--without FLAG] [--again] [ROW...]

Each row is measured in two parts. First every variant of the peer runs once, shortly; then the fastest of them (in f32 and of all)
and decant's take turns for some rounds. Every measurement is one process, and is written down at once in build/bench/runs.jsonl:
what is there already is not measured again (--again forgets it), so the whole may be made in pieces, and --budget ends a piece in time.
The tables of all rows measured so far are in build/bench/results.md and results.json.

DECANT_PEER_PYTHON names the Python programs that have PyTorch, separated by ':' (default: Debian's, /usr/bin/python3); the fastest version
counts. Without any, decant's own columns are measured. Every process is pinned to the same processors: one of each core's (hyperthreads
do not count) of those that this program may use, which taskset chooses. All have the same priority (nice -15 where that is allowed). Where
other programs took more than a twentieth of these cores the measurement is made again, and the least disturbed one kept (--attempts). A
variant of the peer that failed is tried once more by the next call."""
import argparse
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(HERE, '..', 'build')
DEBIAN = '/usr/lib/x86_64-linux-gnu'
SCOUT_SECONDS = 1
TRAINING = ['airline', 'lightnn', 'deepnn', 'cifar-kd', 'mlp-1200', 'mlp-kd', 'fashion-1', 'fashion-2', 'fashion-3', 'resnet50']
INFERENCE = ['infer-airline-1', 'infer-mlp-800', 'infer-lightnn', 'infer-fashion-3', 'infer-resnet50']
TUTORIAL = 'tutorial'
ROWS = TRAINING + INFERENCE + [TUTORIAL]
WITHOUT_IMAGES = ('airline', 'mlp')
SINGLE = ['threads=1']
CIFAR_SAMPLES = 50000
FUSES, COMPILES = (2, 4), (2, 4)  # versions of PyTorch
AIMS = {'airline': 20, 'lightnn': 3, 'deepnn': 1.5, 'cifar-kd': 2, 'mlp-1200': 3, 'mlp-kd': 2, 'fashion-1': 5, 'fashion-2': 2.5,
        'fashion-3': 2.5, 'resnet50': 3, 'infer-airline-1': 2, 'infer-mlp-800': 2, 'infer-lightnn': 2, 'infer-fashion-3': 2, 'tutorial': 5}
DISTURBED = .05  # of the cores' time, by others
COMPILER_SECONDS, TUTORIAL_SECONDS = 20, 90  # a guess, before there is a measurement


def is_f32(flags):
    return not {'bf16', 'tbf16', 'cbf16', 'auto'} & set(flags)


def kind_and_case(row):
    """What is measured: ('train', case), ('infer', case), or ('tutorial', '')."""
    if row == TUTORIAL:
        return TUTORIAL, ''
    return ('infer', row[len('infer-'):]) if row in INFERENCE else ('train', row)


class Peer:
    """One interpreter with PyTorch, run with the settings that make it fastest on the processors we tried."""

    def __init__(self, python):
        self.python, self.environment = python, self.tuned()
        code = 'import torch; print(torch.__version__.split("+")[0])'
        try:
            done = subprocess.run([python, '-W', 'ignore', '-c', code], env=self.environment, capture_output=True, text=True)
            self.version = done.stdout.strip() if done.returncode == 0 else None
        except OSError:
            self.version = None
        self.number = tuple(int(part) for part in self.version.split('.')[:2]) if self.version else None
        self.setup = self.fingerprint()

    def fingerprint(self):
        """Of all that its speed depends on but its version: its programs, and how it is started."""
        digest = hashlib.sha256(repr(sorted(self.settings().items())).encode())
        for name in ('peer.py', 'peer_tutorial.py', 'networks.py'):
            with open(os.path.join(HERE, name), 'rb') as file:
                digest.update(file.read())
        return digest.hexdigest()[:12]

    @classmethod
    def tuned(cls):
        return {**os.environ, **cls.settings()}

    @staticmethod
    def settings():
        """OpenBLAS does not know every new processor, and PyTorch 1.13 takes its AVX-512 loops only when told to."""
        env = dict(OMP_NUM_THREADS=str(len(os.sched_getaffinity(0))))
        if 'avx512f' in processor_flags():
            env.update(OPENBLAS_CORETYPE='SkylakeX', ATEN_CPU_CAPABILITY='avx512')
        if os.path.isdir(DEBIAN + '/openblas-openmp'):
            env['LD_LIBRARY_PATH'] = DEBIAN + '/openblas-openmp'
        if os.path.exists(DEBIAN + '/libtcmalloc_minimal.so.4'):
            env['LD_PRELOAD'] = DEBIAN + '/libtcmalloc_minimal.so.4'
        return env

    def variants(self, row):
        """Lists of flags of peer.py. Fused optimisers and a compiler that runs on this Python came with later versions."""
        kind, case = kind_and_case(row)
        layout = [] if case.startswith(WITHOUT_IMAGES) else ['channels_last']
        found = {'infer': self.forwards(layout), 'train': self.steps(case, layout), TUTORIAL: self.tutorials()}[kind]
        return [flags for place, flags in enumerate(found) if flags not in found[:place]]

    def forwards(self, layout):
        found = [['trace'], ['trace'] + SINGLE, layout + ['trace'], layout + ['trace'] + SINGLE, layout + ['bf16', 'trace'], ['bf16', 'trace'] + SINGLE]
        if self.number >= COMPILES:
            found += [['compile'], ['compile'] + SINGLE, layout + ['compile'], layout + ['bf16', 'compile']]
        return found

    def steps(self, case, layout):
        one_pass = ['fused'] if self.number >= FUSES else []
        found = [one_pass, layout + one_pass, layout + ['foreach'], layout + ['bf16'] + one_pass, layout + ['bf16', 'foreach']]
        if case == 'airline':
            found += [one_pass + SINGLE, ['foreach'] + SINGLE]
        if case.endswith('-kd'):
            found += [layout + teacher + ['trace'] + one_pass for teacher in ([], ['tbf16'], ['cbf16'], ['bf16'], ['bf16', 'cbf16'])]
        if self.number >= COMPILES:
            found += [['compile', 'fused'], layout + ['compile', 'fused', 'bf16']]
            if case.endswith('-kd'):
                found += [layout + ['compile', 'fused', 'cbf16'], layout + ['compile', 'fused', 'bf16', 'cbf16']]
        return found

    def tutorials(self):
        """With the teacher in each step one epoch is measured and scaled; its answers cached, all ten are."""
        one_pass = ['fused'] if self.number >= FUSES else ['foreach']
        teachers = [[], ['tbf16'], ['tbf16', 'trace'], ['cbf16', 'trace'], ['bf16'], ['bf16', 'trace'], ['bf16', 'cbf16', 'trace']]
        cached = [['channels_last'] + one_pass + teacher + ['cached'] for teacher in teachers]
        return cached + [['channels_last', 'tbf16', 'cached'], ['channels_last', 'bf16'] + one_pass]

    def command(self, key, data):
        kind, case = kind_and_case(key['row'])
        flags = key['flags_given']
        if kind == TUTORIAL:
            scale = ['epochs=1'] if key['part'] == 'scout' or 'cached' not in flags else []
            return [self.python, '-W', 'ignore', os.path.join(HERE, 'peer_tutorial.py'), data, *flags, *scale]
        return [self.python, '-W', 'ignore', os.path.join(HERE, 'peer.py'), kind, case, *flags, 'seconds=%d' % key['seconds']]


class Decant:
    def __init__(self, program):
        self.program = program
        with open(program, 'rb') as file:
            self.hash = hashlib.sha256(file.read()).hexdigest()[:12]
        self.version = self.ask('--version').split()[-1]
        self.has_precision = '--precision' in self.ask('help', 'bench')

    def ask(self, *arguments):
        return subprocess.run([self.program, *arguments], capture_output=True, text=True, check=True).stdout

    def find_cifar10(self):
        """The folder of the data set, None where there is none."""
        sources = map(json.loads, self.ask('data', 'list', '--json').splitlines())
        return next((source['path'] for source in sources if source['name'] == 'cifar10'), None)

    def variants(self):
        return [['f32'], ['auto']] if self.has_precision else [['f32']]

    def command(self, key, _):
        kind, case = kind_and_case(key['row'])
        flags = key['flags_given']
        if kind == TUTORIAL:
            precision = ['precision=' + flags[0]] if self.has_precision else []
            return [sys.executable, os.path.join(HERE, 'tutorial.py'), self.program, *precision]
        precision = ['--precision', flags[0]] if self.has_precision else []
        return [self.program, 'bench', kind, case, '--json', '--seconds', str(key['seconds']), *precision]


class Notebook:
    """What was measured on this machine: one line a process."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.path, self.machine = os.path.join(folder, 'runs.jsonl'), processor()
        self.runs = []
        if os.path.exists(self.path):
            with open(self.path) as file:
                lines = [object_of(line) for line in file]
            self.runs = [run for run in lines if run]
            if len(self.runs) < len(lines):
                self.write()

    def add(self, run):
        self.runs.append(dict(run, machine=self.machine))
        with open(self.path, 'a') as file:
            file.write(json.dumps(self.runs[-1]) + '\n')

    def find(self, **wanted):
        wanted['machine'] = self.machine
        return [run for run in self.runs if all(run.get(key) == value for key, value in wanted.items())]

    def keep(self, is_kept):
        kept = [run for run in self.runs if is_kept(run)]
        if len(kept) == len(self.runs):
            return
        self.runs = kept
        self.write()

    def write(self):
        with open(self.path, 'w') as file:
            file.writelines(json.dumps(run) + '\n' for run in self.runs)


def object_of(line):
    """None for what is not one, as a line that was cut short."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def processor_fields():
    with open('/proc/cpuinfo') as file:
        fields = dict(line.split(':', 1) for line in file.read().split('\n\n')[0].splitlines() if ':' in line)
    return {key.strip(): value.strip() for key, value in fields.items()}


def processor_flags():
    return processor_fields().get('flags', '').split()


def processor():
    units = [name for name in ('avx2', 'avx512f', 'avx512_bf16', 'amx_bf16') if name in processor_flags()]
    return '%s (%s), %d cores, Linux %s' % (processor_fields().get('model name', platform.machine()), ', '.join(units),
                                            len(os.sched_getaffinity(0)), platform.release())


def pin():
    """To one processor of each core, the first that this process may use; its children inherit it."""
    chosen = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        try:
            with open('/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list' % cpu) as file:
                core = file.read()
        except OSError:
            core = cpu
        chosen.setdefault(core, cpu)
    os.sched_setaffinity(0, chosen.values())


def busy_seconds():
    """Of the cores that this process may use since the machine started, the time that its host took from them included."""
    ours = {'cpu%d' % cpu for cpu in os.sched_getaffinity(0)}
    total = 0
    with open('/proc/stat') as file:
        for name, *times in map(str.split, file):
            if name in ours:
                user, nice, system, _, _, irq, softirq, steal = map(int, times[:8])
                total += user + nice + system + irq + softirq + steal
    return total / os.sysconf('SC_CLK_TCK')


def children_seconds():
    times = os.times()
    return times.children_user + times.children_system


class Session:
    """Runs what is still missing, until the budget is spent."""

    def __init__(self, options, decant, peers, notebook):
        self.options, self.decant, self.peers, self.notebook = options, decant, peers, notebook
        self.data = decant.find_cifar10()
        self.end = time.monotonic() + options.budget if options.budget else None

    def out_of_time(self, needed):
        return self.end is not None and time.monotonic() + needed > self.end

    def run_once(self, command, environment):
        """The process, its seconds, and the share of the cores that other programs took meanwhile; no process after too long."""
        begin, busy, own = time.monotonic(), busy_seconds(), children_seconds()
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=self.options.timeout)
        except subprocess.TimeoutExpired:
            done = None
        wall = time.monotonic() - begin
        others = busy_seconds() - busy - (children_seconds() - own)
        return done, wall, max(0, others) / wall / len(os.sched_getaffinity(0))

    def least_disturbed(self, command, environment):
        tries = []
        for _ in range(max(1, self.options.attempts)):
            tries.append(self.run_once(command, environment))
            if tries[-1][0] is None or tries[-1][2] <= DISTURBED:
                break
        return min(tries, key=lambda one: (one[0] is None, one[2]))

    def result_of(self, done):
        """What a process printed last, or why there is nothing."""
        if done is None:
            return {'error': 'not done after %g s' % self.options.timeout}
        result = object_of((done.stdout.strip().splitlines() or [''])[-1])
        if done.returncode or not result:
            return {'error': (done.stderr.strip().splitlines() or ['no output'])[-1][:200]}
        if 'call_seconds' in result:
            result.update(step_seconds=result['call_seconds'], slowest=result['batch'] / result['slowest_seconds'],
                          fastest=result['batch'] / result['fastest_seconds'])
        return result

    def same_network(self, key, result):
        """The peer's result, or an error where its network has another number of parameters."""
        ours = [run['parameters'] for run in self.notebook.find(row=key['row'], side='decant') if 'parameters' in run]
        if not ours or result.get('parameters', ours[-1]) == ours[-1]:
            return result
        return {'error': 'another network: %d parameters, decant has %d' % (result['parameters'], ours[-1])}

    def measure(self, key, command, environment=None):
        done, wall, others = self.least_disturbed(command, environment)
        result = self.result_of(done)
        if key['side'] == 'peer':
            result = self.same_network(key, result)
        elif 'error' in result:
            sys.exit('%s failed: %s' % (' '.join(command), result['error']))
        run = {**result, **key, 'wall': wall, 'others': others, 'when': time.strftime('%Y-%m-%d %H:%M')}
        self.notebook.add(run)
        rate = run.get('images_per_second')
        print('  %-7s %-10s %-34s %s%s' % (run['side'], run['version'], ','.join(run['flags_given']) or 'plain',
                                          '%.6g/s' % rate if rate else run['error'],
                                          '  (others took %.0f %%)' % (100 * others) if others > DISTURBED else ''),
              file=sys.stderr, flush=True)

    def peer_key(self, row, part, peer, flags, number):
        """A scout is worth the same beside any decant; a round belongs to one. Neither outlives the peer's programs."""
        key = dict(row=row, part=part, side='peer', version=peer.version, setup=peer.setup, flags_given=flags, round=number)
        if part == 'scout':
            return dict(key, seconds=SCOUT_SECONDS)
        return dict(key, program=self.decant.hash, seconds=self.options.seconds)

    def decant_key(self, row, flags, number):
        return dict(row=row, part='round', side='decant', version=self.decant.version, program=self.decant.hash, flags_given=flags,
                    round=number, seconds=self.options.seconds)

    def cost(self, key):
        """How long a process takes: as long as the last of its kind, or a guess."""
        last = self.notebook.find(row=key['row'], side=key['side'], version=key['version'], flags_given=key['flags_given'])
        if last:
            return last[-1]['wall'] + 1.25 * (key['seconds'] - last[-1]['seconds'])
        if key['row'] == TUTORIAL:
            return TUTORIAL_SECONDS / 2 if key['part'] == 'scout' else TUTORIAL_SECONDS
        start = 1.5 if key['side'] == 'decant' else COMPILER_SECONDS if 'compile' in key['flags_given'] else 5
        return start + 1.25 * key['seconds']

    def missing_scouts(self, row):
        keys = [(peer, self.peer_key(row, 'scout', peer, flags, 0)) for peer in self.peers for flags in peer.variants(row)
                if self.options.without not in flags]
        return [(peer, key) for peer, key in keys if not self.notebook.find(**key)]

    def finalists(self, row):
        """The peer's two fastest variants in f32 and three in bf16, of the tutorial two of any: a single short run is not trusted to
        tell the first of them."""
        scouts = [(run['images_per_second'], peer, run['flags_given']) for peer in self.peers
                  for run in self.notebook.find(row=row, part='scout', version=peer.version, setup=peer.setup) if 'images_per_second' in run]
        if row == TUTORIAL:  # the others are scaled already
            scouts = [scout for scout in scouts if 'cached' in scout[2]]
        scouts.sort(key=lambda scout: -scout[0])
        f32 = [scout for scout in scouts if is_f32(scout[2])]
        bf16 = [scout for scout in scouts if not is_f32(scout[2])]
        chosen = scouts[:2] if row == TUTORIAL else f32[:2] + bf16[:3]
        return [(peer, flags) for _, peer, flags in chosen]

    def missing_of_round(self, row, number):
        ours = self.decant.variants()[::-1 if number % 2 else 1]  # neither precision is always the first to find files and memory cold
        keys = [(None, self.decant_key(row, flags, number)) for flags in ours]
        keys += [(peer, self.peer_key(row, 'round', peer, flags, number)) for peer, flags in self.finalists(row)]
        return [(peer, key) for peer, key in keys if not self.notebook.find(**key)]

    def run_all(self, keys):
        for peer, key in keys:
            maker = peer or self.decant
            command = maker.command(key, self.data)
            self.measure(key, command, peer.environment if peer else None)

    def expected(self, row):
        scouts = self.missing_scouts(row)
        rounds = [key for number in range(self.options.rounds) for _, key in self.missing_of_round(row, number)]
        unknown = 2 * self.options.rounds * (5 + 1.25 * self.options.seconds) if scouts else 0
        return sum(self.cost(key) for _, key in scouts) + sum(self.cost(key) for key in rounds) + unknown

    def measure_row(self, row):
        """True when all of the row is there."""
        if row == TUTORIAL and self.data is None:
            print('  CIFAR-10 is not found (see decant data list): the row is left out', file=sys.stderr)
            return True
        for scout in self.missing_scouts(row):
            if self.out_of_time(self.cost(scout[1])):
                return False
            self.run_all([scout])
        for number in range(self.options.rounds):
            keys = self.missing_of_round(row, number)
            if keys and self.out_of_time(sum(self.cost(key) for _, key in keys)):
                return False
            self.run_all(keys)
        return True


def summarize(runs):
    """Runs of one variant: the round of median speed (each round's is the median of seven windows), of an even number the slower
    one in the middle; slowest and fastest window of all; other figures are medians. Of the ceilings that each process measures
    for itself the highest counts: neighbours only ever make them lower."""
    runs = sorted(runs, key=lambda run: -run['step_seconds'])
    middle = runs[(len(runs) - 1) // 2]
    summary = dict(version=middle['version'], flags=middle['flags_given'], rounds=len(runs), when=max(run['when'] for run in runs),
                   slowest=min(run['slowest'] for run in runs), fastest=max(run['fastest'] for run in runs),
                   others=max(run.get('others', 0) for run in runs))
    summary.update({key: middle[key] for key in ('images_per_second', 'step_seconds', 'flops_per_second') if key in middle})
    if 'floor_seconds' in middle:
        summary['floor_seconds'] = min(run['floor_seconds'] for run in runs)
        summary['share_of_peak'] = middle['flops_per_second'] / max(run['flops_per_second'] / run['share_of_peak'] for run in runs)
    summary.update({key: statistics.median(run[key] for run in runs)
                    for key in ('ready_seconds', 'first_step_seconds', 'peak_rss_bytes', 'accuracy') if key in middle})
    return summary


def ratio(sides):
    """How many times as fast decant's fastest is as the peer's; None where one of them was not measured."""
    if not all(sides.values()):
        return None
    return sides['peer'][0]['step_seconds'] / sides['decant'][0]['step_seconds']


def ratio_of_fastest(sides):
    """The same of the fastest window of each side, which shows how much of a ratio is noise."""
    if not all(sides.values()):
        return None
    ours, theirs = (max(one['fastest'] for one in sides[side]) for side in ('decant', 'peer'))
    return ours / theirs


def row_result(notebook, row, program, seconds, peers):
    """The row's variants, fastest first; None before there is anything. Of the peer what was measured with these, as they are started
    now."""
    sides = {}
    known = {(peer.version, peer.setup) for peer in peers}

    def is_known(run):
        return run['side'] == 'decant' or (run['version'], run.get('setup')) in known
    for side in ('decant', 'peer'):
        runs = [run for run in notebook.find(row=row, part='round', side=side, program=program, seconds=seconds)
                if 'images_per_second' in run and is_known(run)]
        variants = {}
        for run in runs:
            variants.setdefault((run['version'], *run['flags_given']), []).append(run)
        sides[side] = sorted((summarize(runs) for runs in variants.values()), key=lambda one: one['step_seconds'])
    if not sides['decant']:
        return None
    result = dict(row=row, aim=AIMS.get(row), **sides, ratio=ratio(sides), ratio_of_fastest=ratio_of_fastest(sides),
                  ratio_f32=ratio({name: [one for one in side if is_f32(one['flags'])] for name, side in sides.items()}))
    result['tried'] = [dict(version=run['version'], flags=run['flags_given'], images_per_second=run.get('images_per_second'),
                            error=run.get('error')) for run in notebook.find(row=row, part='scout') if is_known(run)]
    result['failed'] = ['%s: %s' % (variant(dict(run, flags=run['flags_given'])), run['error'])
                        for run in notebook.find(row=row) if 'error' in run and is_known(run)]
    return result


def number(x):
    return '%.0f' % x if x >= 1000 else '%.3g' % x


def rate(one):
    return '%s (%s-%s)' % (number(one['images_per_second']), number(one['slowest']), number(one['fastest']))


def time_of(one, batch):
    return '%s (%s-%s)' % tuple(number(1e6 * seconds) for seconds in (one['step_seconds'], batch / one['fastest'], batch / one['slowest']))


def variant(one):
    return ' '.join([one['version'].removesuffix('a0'), ','.join(one['flags']) or 'plain'])


def fastest(side, narrow):
    """The fastest variant of a side that computes in f32, or that does not; None where there is none."""
    return next((one for one in side if is_f32(one['flags']) != narrow), None)


def cells_of(result, side, show, name):
    """A side's fastest in f32 and its fastest in any precision."""
    chosen = [fastest(result[side], narrow) for narrow in (False, True)]
    return [(show(one) + name(one)) if one else '' for one in chosen]


def ratios(result):
    f32, best, windows = result['ratio_f32'], result['ratio'], result['ratio_of_fastest']
    return ['%.2f' % f32 if f32 else '', '**%.2f**' % best if best else '', '%.2f' % windows if windows else '',
            '%g' % result['aim'] if best and result['aim'] else '']


def table(head, rows):
    lines = [head, ['---'] * len(head)] + rows
    return ''.join('| %s |\n' % ' | '.join(line) for line in lines)


RATIOS_HEAD = ['ratio f32', 'ratio', 'of fastest windows', 'aim']


def both(result, show):
    """A figure of decant in f32 and of its fastest."""
    ours = [fastest(result['decant'], narrow) for narrow in (False, True)]
    return ' / '.join(show(one) for one in ours if one)


def shares(result, scale):
    """Operations a second, their share of what the processor could do, the floor and the share of it."""
    return [both(result, lambda one: '%.0f' % (one['flops_per_second'] / 1e9)),
            both(result, lambda one: '%.0f %%' % (100 * one['share_of_peak'])),
            both(result, lambda one: number(scale * one['floor_seconds'])),
            both(result, lambda one: '%.0f %%' % (100 * one['floor_seconds'] / one['step_seconds']))]


def nameless(_):
    return ''


def peer_name(one):
    return ' ' + variant(one)


def short_table(results):
    """Each side's fastest in any precision, without spreads."""
    rows = []
    for result in results:
        sides = [min(result[side], key=lambda one: one['step_seconds']) if result[side] else None for side in ('decant', 'peer')]
        if result['row'] in TRAINING:
            cells = [f"{one['images_per_second']:,.0f}/s" if one else '' for one in sides]
        else:
            scale, unit = (1, 's') if result['row'] == TUTORIAL else (1e6, 'us')
            cells = [number(scale * one['step_seconds']) + ' ' + unit if one else '' for one in sides]
        best, aim = result['ratio'], result['aim']
        rows.append([result['row'], *cells, '%.2f' % best if best else '', '%g' % aim if aim else ''])
    return table(['samples a second, or what it takes', 'decant', "PyTorch's fastest", 'times as fast', 'aim'], rows)


def training_table(results):
    rows = []
    for result in results:
        rows.append([result['row'], *cells_of(result, 'decant', rate, nameless),
                     *shares(result, 1e3), *cells_of(result, 'peer', rate, peer_name), *ratios(result)])
    return table(['step', 'decant f32', 'decant auto', 'GFLOP/s', 'of peak', 'floor ms', 'of floor', 'PyTorch f32', 'PyTorch bf16',
                  *RATIOS_HEAD], rows)


def start_cells(result, key, scale):
    """Decant's, the least of all the peer's variants that took turns with it, and how many times the former goes into the latter."""
    ours = both(result, lambda one: '%.0f' % (scale * one[key]))
    if not result['peer']:
        return [ours, '', '']
    least = min(result['peer'], key=lambda one: one[key])
    theirs = least[key] / result['decant'][0][key]
    return [ours, '%.0f %s' % (scale * least[key], variant(least)), '%.1f' % theirs]


def start_table(results):
    rows = [[result['row'], *start_cells(result, 'first_step_seconds', 1e3), *start_cells(result, 'peak_rss_bytes', 2**-20)]
            for result in results]
    return table(['start', 'first step ms', 'PyTorch, earliest', 'times', 'peak RSS MiB', 'PyTorch, least', 'times'], rows)


def inference_table(results):
    rows = []
    for result in results:
        batch = round(result['decant'][0]['images_per_second'] * result['decant'][0]['step_seconds'])

        def show(one):
            return time_of(one, batch)
        rows.append([result['row'][len('infer-'):], str(batch), *cells_of(result, 'decant', show, nameless), *shares(result, 1e6),
                     *cells_of(result, 'peer', show, peer_name), *ratios(result)])
    return table(['forward pass', 'batch', 'decant f32, us', 'decant auto, us', 'GFLOP/s', 'of peak', 'floor us', 'of floor',
                  'PyTorch f32, us', 'PyTorch bf16, us', *RATIOS_HEAD], rows)


def tutorial_table(results):
    """The peer's variants are listed one by one: what it gains by caching, too, belongs to the comparison."""
    result = results[0]

    def line(name, one):
        accuracy = '%.2f %%' % (100 * one['accuracy']) if 'accuracy' in one else ''
        return [name, 'looked up', number(one['step_seconds']), '10', accuracy]
    rows = [line('decant ' + ','.join(one['flags']), one) for one in result['decant']]
    rows += [line('PyTorch ' + variant(one), one) for one in result['peer']]
    in_step = [one for one in result['tried'] if 'cached' not in one['flags'] and one['images_per_second']]
    for one in sorted(in_step, key=lambda one: -one['images_per_second'])[:1]:
        rows.append(['PyTorch ' + variant(one), 'in each step', number(10 * CIFAR_SAMPLES / one['images_per_second']), '1, scaled', ''])
    return table(['the tutorial, end to end', "the teacher's answers", 's', 'epochs measured', 'test accuracy'], rows)


def markdown(results):
    training = [result for result in results if result['row'] in TRAINING]
    inference = [result for result in results if result['row'] in INFERENCE]
    tutorial = [result for result in results if result['row'] == TUTORIAL]
    parts = ((short_table, results), (training_table, training), (start_table, training), (inference_table, inference), (tutorial_table, tutorial))
    failed = ['- %s, PyTorch %s\n' % (result['row'], words) for result in results for words in result['failed']]
    return '\n'.join([make(chosen) for make, chosen in parts if chosen] + (['Failed:\n\n' + ''.join(failed)] if failed else []))


def write_results(folder, notebook, decant, seconds, peers):
    results = [result for result in (row_result(notebook, row, decant.hash, seconds, peers) for row in ROWS) if result]
    about = dict(machine=processor(), decant=decant.version, program=decant.hash, peers=[peer.version for peer in peers])
    with open(os.path.join(folder, 'results.json'), 'w') as file:
        json.dump(dict(about, rows=results), file, indent=1)
    tables = markdown(results)
    with open(os.path.join(folder, 'results.md'), 'w') as file:
        file.write('decant %s and PyTorch %s on %s\n\n%s' % (decant.version, ', '.join(about['peers']) or '(none)', about['machine'], tables))
    return tables


def parse():
    options = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    options.add_argument('--decant', default=os.path.join(BUILD, 'release', 'decant'))
    options.add_argument('--out', default=os.path.join(BUILD, 'bench'), help='folder of the results (build/bench)')
    options.add_argument('--rounds', type=int, default=3)
    options.add_argument('--seconds', type=int, default=2, help='how long each process measures (2)')
    options.add_argument('--attempts', type=int, default=3, help='measure again where other programs took the cores (3)')
    options.add_argument('--timeout', type=float, default=900, help='seconds after which a process is given up (900)')
    options.add_argument('--budget', type=float, default=0, help='start nothing that would end after so many seconds')
    options.add_argument('--without', metavar='FLAG', help="leave out the peer's variants with this flag, as compile")
    options.add_argument('--again', action='store_true', help='forget what was measured of these rows')
    options.add_argument('rows', nargs='*', metavar='ROW')
    chosen = options.parse_args()
    unknown = [row for row in chosen.rows if row not in ROWS]
    if unknown:
        sys.exit('there is no row %s; rows: %s' % (', '.join(unknown), ' '.join(ROWS)))
    if chosen.seconds < 1 or chosen.rounds < 1:
        sys.exit('at least one second and one round')
    return chosen


def find_peers():
    """The interpreters that have PyTorch, one of each version."""
    pythons = os.environ.get('DECANT_PEER_PYTHON', '/usr/bin/python3').split(':')
    found = {}
    for peer in map(Peer, pythons):
        if peer.version:
            found.setdefault(peer.version, peer)
    if not found:
        print('no PyTorch in %s: decant alone (apt-get install python3-torch, or name others in DECANT_PEER_PYTHON)' % ', '.join(pythons))
    return list(found.values())


def main():
    options = parse()
    try:
        os.nice(-15)
    except PermissionError:
        pass
    pin()
    decant, peers, notebook = Decant(options.decant), find_peers(), Notebook(options.out)
    rows = options.rows or ROWS
    notebook.keep(lambda run: 'error' not in run and not (options.again and run['row'] in rows))
    session = Session(options, decant, peers, notebook)

    if peers:
        print('PyTorch %s' % ', '.join(peer.version for peer in peers))
    print('about %.0f minutes for what is not measured yet (%d rounds of %d s)' %
          (sum(session.expected(row) for row in rows) / 60, options.rounds, options.seconds), flush=True)
    done = True
    try:
        for row in rows:
            print(row, file=sys.stderr, flush=True)
            done = session.measure_row(row) and done
    finally:
        print(write_results(options.out, notebook, decant, options.seconds, peers))
    if not done:
        print('not all of it is measured: the same command goes on where this one stopped')


if __name__ == "__main__":
    main()
