# SPDX-License-Identifier: MIT
"""The peers: how each is found, started and asked; one measurement of one workload."""
import ctypes
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'chaos'))
from resp import Redis  # noqa: E402

RECORD = struct.Struct('<4q')  # index, begun, ended, recorded: nanoseconds of CLOCK_MONOTONIC
START_S, STOP_S, QUIET_S = 30, 20, 60
WARM_UP = 0.2  # of the workload, before each measurement
PR_SET_PDEATHSIG = 1


class Missing(Exception):
    """The peer is not installed; the text says how it comes."""


class Failed(Exception):
    """The measurement failed; the text says how."""


def shape(workload, scale):
    """(size, width, tasks of all) as `reeve bench` scales them."""
    if workload in ('W1', 'W1b'):
        size = max(1, int(10000 * scale))
        return size, 1, size
    if workload == 'W2':
        size = max(2, int(1000 * scale))
        return size, 1, size
    size, width = {'W3': (10, max(1, int(1000 * scale))),
                   'W4': (max(1, int(1000 * scale)), 2)}[workload]
    return size, width, size * (width + 2)


class Place:
    """A private folder, a redis-server and the peer's processes; all gone after `with`."""

    def __init__(self, appendfsync, tcp):
        self.appendfsync, self.tcp, self.processes = appendfsync, tcp, []

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix='reeve-peers-')
        self.socket, self.records = self.path('redis.sock'), self.path('records')
        try:
            self.start_redis()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self, name, argv, env=None, **more):
        """A process of a group of its own, which dies with this one."""
        die = ctypes.CDLL(None).prctl
        log = open(self.path(name + '.log'), 'ab')
        process = subprocess.Popen(
            argv, env=dict(os.environ, PYTHONDONTWRITEBYTECODE='1', **(env or {})), stderr=log,
            start_new_session=True, preexec_fn=lambda: die(PR_SET_PDEATHSIG, signal.SIGKILL),
            cwd=HERE, **dict({'stdin': subprocess.DEVNULL, 'stdout': log}, **more))
        log.close()
        self.processes.append(process)
        process.name = name
        return process

    def start_redis(self):
        program = shutil.which('redis-server') or shutil.which('valkey-server')
        if not program:
            raise Failed('no redis-server in PATH: install the package redis-server')
        self.port = free_port() if self.tcp else 0
        redis = self.start('redis', [
            program, '--port', str(self.port), '--bind', '127.0.0.1', '--unixsocket', self.socket,
            '--dir', self.dir, '--appendonly', 'yes', '--appendfsync', self.appendfsync,
            '--save', '', '--maxmemory-policy', 'noeviction',
            '--auto-aof-rewrite-percentage', '0'])
        self.redis = Redis(self.socket)
        self.until(START_S, 'redis-server answers', self.answers, [redis])

    def answers(self):
        try:
            return self.redis.call('PING') == b'PONG'
        except OSError:
            return False

    def until(self, seconds, what, condition, processes):
        deadline = time.monotonic() + seconds
        while not condition():
            for process in processes:
                if process.poll() is not None:
                    raise Failed('%s ended: %s' % (process.name, self.last_words(process)))
            if time.monotonic() > deadline:
                raise Failed('%s: not within %d s; %s' % (
                    what, seconds, '; '.join(self.last_words(p) for p in processes)))
            time.sleep(0.005)

    def last_words(self, process):
        with open(self.path(process.name + '.log'), 'rb') as log:
            return log.read()[-400:].decode(errors='replace').strip() or 'it said nothing'

    def redis_cost(self):
        """(CPU seconds, commands) so far."""
        info = dict(line.split(b':', 1) for line in self.redis.call('INFO', 'all').split(b'\r\n')
                    if b':' in line)
        calls = sum(int(value.split(b',')[0].split(b'=')[1]) for name, value in info.items()
                    if name.startswith(b'cmdstat_'))
        return float(info[b'used_cpu_user']) + float(info[b'used_cpu_sys']), calls


def free_port():
    import socket
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def read_line(place, process):
    """A line of the process, waited for without end only as long as it lives."""
    line = process.stdout.readline()
    if not line:
        process.wait()
        raise Failed('%s ended: %s' % (process.name, place.last_words(process)))
    return line


class BullMQ:
    """Flows and jobs; one producer and one worker process."""
    name = 'bullmq'
    concurrency = '50'  # best of 1, 20, 50, 100 and 300 in W1
    about = 'one producer and one worker process, concurrency 50, addBulk by 1,000, ' \
        'removeOnComplete, completed jobs counted in the worker'

    def __init__(self, modules):
        self.env = {'NODE_PATH': os.path.join(modules, 'node_modules'), 'NODE_ENV': 'production'}
        self.version = None
        try:
            versions = [json.load(open(os.path.join(self.env['NODE_PATH'], name, 'package.json')))
                        ['version'] for name in ('bullmq', 'ioredis')]
            node = subprocess.run(['node', '--version'], stdout=subprocess.PIPE, check=True)
        except (OSError, ValueError, subprocess.CalledProcessError):
            raise Missing('needs nodejs and npm, and then --install')
        self.version = '%s, ioredis %s, Node.js %s' % (
            *versions, node.stdout.decode().strip().lstrip('v'))

    def tasks(self, workload, tasks):
        return tasks + 1 if workload == 'W1b' else tasks  # its flow has a parent

    def start(self, place):
        where = str(place.port) if place.tcp else place.socket
        script = os.path.join(HERE, 'bullmq.js')
        worker = place.start('worker', ['node', script, 'worker', where, place.records,
                                        self.concurrency], self.env, stdout=subprocess.PIPE)
        producer = place.start('producer', ['node', script, 'producer', where], self.env,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        read_line(place, worker)
        return worker, producer


class Celery:
    """The canvas: chains, groups and chords; one producer and one worker."""
    name = 'celery'
    about = 'one producer process and one worker, JSON, results kept, acks_late, prefetch 64, ' \
        'no gossip, mingle, heartbeat or events'

    def __init__(self, pool='solo'):
        self.pool = pool
        ask = 'import celery, redis, sys; ' \
            'print(celery.__version__, redis.__version__, sys.version.split()[0])'
        for self.python in (sys.executable, '/usr/bin/python3'):
            found = subprocess.run([self.python, '-c', ask], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
            if found.returncode == 0:
                break
        else:
            raise Missing('needs the packages python3-celery and python3-redis (or --install '
                          'as root)')
        self.version = '%s, redis-py %s, Python %s' % tuple(found.stdout.decode().split())
        if pool != 'solo':
            self.name = 'celery-' + pool

    def tasks(self, workload, tasks):
        return tasks

    def start(self, place):
        url = 'redis://127.0.0.1:%d/0' % place.port if place.tcp else \
            'redis+socket://' + place.socket
        pool = ['--pool', 'solo'] if self.pool == 'solo' else \
            ['--pool', 'prefork', '--concurrency', self.pool[len('prefork'):]]
        worker = place.start(
            'worker', [self.python, '-m', 'celery', '-A', 'canvas', '--quiet', 'worker',
                       '--loglevel', 'ERROR', '--without-gossip', '--without-mingle',
                       '--without-heartbeat', '--hostname', 'peer@localhost'] + pool,
            {'PEER_REDIS': url, 'PEER_RECORDS': place.records})
        producer = place.start('producer', [self.python, 'canvas.py'], {'PEER_REDIS': url},
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return worker, producer


def measure(peer, workload, scale, appendfsync, tcp):
    """One measurement in fresh processes, after a warm-up: figures as `reeve bench` has them."""
    with Place(appendfsync, tcp) as place:
        worker, producer = peer.start(place)
        read_line(place, producer)
        warm = play(place, peer, worker, producer, workload, scale * WARM_UP, 0)[0]
        before = place.redis_cost()
        expected, begun = play(place, peer, worker, producer, workload, scale, warm)
        cost = [after - now for after, now in zip(place.redis_cost(), before)]
        worker.terminate()
        try:
            worker.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise Failed('the worker does not end')
        records = read_records(place, warm)
    return figures(records, expected, begun, cost)


def play(place, peer, worker, producer, workload, scale, skip):
    """Submits and waits until all is executed: (tasks, when it began)."""
    size, width, tasks = shape(workload, scale)
    expected = peer.tasks(workload, tasks)
    producer.stdin.write(json.dumps({'workload': workload, 'size': size, 'width': width})
                         .encode() + b'\n')
    producer.stdin.flush()
    begun = json.loads(read_line(place, producer))['begun_ns']
    seen = [0, time.monotonic()]

    def all_done():
        done = count_records(place) - skip
        if done > seen[0]:
            seen[:] = done, time.monotonic()
        if time.monotonic() > seen[1] + QUIET_S:
            raise Failed('%d of %d tasks, and then nothing for %d s; %s' % (
                seen[0], expected, QUIET_S, place.last_words(worker)))
        return done >= expected

    place.until(600, 'all tasks are executed', all_done, [worker, producer])
    return expected, begun


def count_records(place):
    try:
        return os.path.getsize(place.records) // RECORD.size
    except FileNotFoundError:
        return 0


def read_records(place, skip):
    with open(place.records, 'rb') as file:
        file.seek(skip * RECORD.size)
        return list(RECORD.iter_unpack(file.read()))


def figures(records, expected, begun, cost):
    """Also checks that each task was executed once."""
    indices = {record[0] for record in records}
    if len(records) != expected or len(indices) != expected:
        raise Failed('%d tasks were executed, %d of them different; %d were submitted' % (
            len(records), len(indices), expected))
    elapsed = max(record[3] for record in records) - begun
    records = sorted(records)
    gaps = sorted((then[1] - now[2]) / 1000 for now, then in zip(records, records[1:]))
    return {'tasks': expected, 'tasks_per_s': expected / elapsed * 1e9,
            'handoff_p50_us': percentile(gaps, 50), 'handoff_p95_us': percentile(gaps, 95),
            'handoff_p99_us': percentile(gaps, 99),
            'redis_cpu_us_per_task': cost[0] * 1e6 / expected,
            'redis_calls_per_task': cost[1] / expected}


def percentile(values, percent):
    return values[min(len(values) - 1, len(values) * percent // 100)] if values else None
