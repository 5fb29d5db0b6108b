# SPDX-License-Identifier: MIT
"""A world for one row: a real redis-server, daemons, agents, a load, and its history."""
import http.client
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from resp import Redis, RedisError

HERE = os.path.dirname(os.path.abspath(__file__))
LEASE = 3.0  # seconds, of every type
TYPES = ('alpha', 'beta', 'gamma')


class Failed(Exception):
    """The row failed; the text says how."""


class UnixHTTP(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__('localhost', timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Process:
    """A child of ours: killed, stopped and waited for by pid."""

    def __init__(self, world, name, argv, env=None, preexec=None):
        self.name, self.argv, self.world = name, argv, world
        self.log = os.path.join(world.dir, name + '.log')
        env = dict(env or {})
        # A build with AddressSanitizer keeps 256 MB of what was freed, unless told: rows
        # that bound the memory would see that.
        options = ['quarantine_size_mb=16']
        if 'LD_PRELOAD' in env:  # it also wants to be the first library
            options.append('verify_asan_link_order=0')
        env['ASAN_OPTIONS'] = ':'.join(options + [os.environ.get('ASAN_OPTIONS', '')])
        with open(self.log, 'ab') as log:
            self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env=dict(os.environ, **env), preexec_fn=preexec,
                                          cwd=world.dir)
        self.pid = self.child.pid
        world.processes.append(self)

    def alive(self):
        return self.child.poll() is None

    def signal(self, number):
        if self.alive():
            self.child.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.child.wait()

    def term(self, seconds=10):
        self.signal(signal.SIGTERM)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed('%s did not end within %d s of SIGTERM' % (self.name, seconds))

    def stop(self):
        self.signal(signal.SIGSTOP)

    def cont(self):
        self.signal(signal.SIGCONT)

    def logged(self, text):
        with open(self.log, 'rb') as log:
            return text.encode() in log.read()

    def fds(self):
        return len(os.listdir('/proc/%d/fd' % self.pid))

    def rss_kib(self):
        with open('/proc/%d/status' % self.pid) as status:
            for line in status:
                if line.startswith('VmRSS:'):
                    return int(line.split()[1])
        return 0


class World:
    def __init__(self, top, row, seed, scale=1.0, patience=1.0):
        self.top, self.row, self.seed, self.scale, self.patience = top, row, seed, scale, patience
        self.random = random.Random('%s:%s' % (row, seed))
        self.dir = tempfile.mkdtemp(prefix='reeve-chaos-')
        self.processes, self.daemons, self.agents = [], [], []
        self.history = os.path.join(self.dir, 'history')
        self.submitted = os.path.join(self.dir, 'submitted')
        self.flows = os.path.join(self.dir, 'flows')
        self.types = os.path.join(self.dir, 'types')
        self.redis_socket = os.path.join(self.dir, 'redis.sock')
        self.redis = None
        self.names = 0
        self.healed_at = None
        self.rewound = False   # Redis lost its last moments (said by the row)
        self.overlap = False   # two attempts of a task may run at once (said by the row)
        self.forgotten = False  # Redis lost its state, and with it outputs (said by the row)
        self.unsure = []       # (source, key): asked for, the answer did not come
        self.numbers = {}
        for folder in (self.flows, self.types):
            os.mkdir(folder)
        for path in (self.history, self.submitted):
            open(path, 'w').close()
        for name in TYPES:
            self.agent_type(name)

    def agent_type(self, name, **more):
        settings = dict({'type': name, 'lease': '%gs' % LEASE}, **more)
        with open(os.path.join(self.types, name + '.yaml'), 'w') as out:
            for key, value in settings.items():
                out.write('%s: %s\n' % (key, json.dumps(value)))

    def close(self, keep=False):
        for process in self.processes:
            process.cont()
            process.kill()
        if keep:
            print('kept: ' + self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    # --- waiting: always for a condition, never for a time ---------------------------

    def until(self, seconds, what, condition):
        """Polls; how long it took.  The bound is stretched by the world's patience."""
        begin = time.monotonic()
        while True:
            try:
                if condition():
                    return time.monotonic() - begin
            except (OSError, RedisError, http.client.HTTPException, ValueError):
                pass
            if time.monotonic() - begin > seconds * self.patience:
                raise Failed('not within %g s: %s' % (seconds * self.patience, what))
            time.sleep(0.02)

    def pause(self, seconds):
        """How long a fault lasts; nothing is concluded from it."""
        time.sleep(seconds)

    # --- parts ---------------------------------------------------------------------------

    def start_redis(self, *options, env=None):
        if os.path.exists(self.redis_socket):
            os.unlink(self.redis_socket)
        argv = [shutil.which('redis-server') or shutil.which('valkey-server'), '--port', '0',
                '--unixsocket', self.redis_socket, '--dir', self.dir, '--save', '',
                '--appendonly', 'yes', '--maxmemory-policy', 'noeviction',
                '--enable-debug-command', 'local'] + list(options)
        self.redis_argv, self.redis_env = list(options), env
        self.redis = Process(self, 'redis', argv, env)
        self.until(10, 'redis answers', lambda: self.call('PING') == b'PONG')
        return self.redis

    def call(self, *args):
        """A command on a connection of its own."""
        client = Redis(self.redis_socket)
        try:
            return client.call(*args)
        finally:
            client.close()

    def start_daemon(self, name=None, redis=None, flags=(), env=None, preexec=None, wait=True):
        self.names += 1
        name = name or 'reeved-%d' % self.names
        state = os.path.join(self.dir, name)
        os.makedirs(state, mode=0o700, exist_ok=True)
        daemon = Process(self, name, [os.path.join(self.top, 'reeved'), '--state-dir', state,
                                      '--workflows', self.flows, '--agents', self.types,
                                      '--http', '127.0.0.1:0', '--redis',
                                      'unix://' + (redis or self.redis_socket)] + list(flags),
                         env, preexec)
        daemon.socket = os.path.join(state, 'reeve.sock')
        daemon.again = dict(name=name, redis=redis, flags=flags, env=env, preexec=preexec)
        self.daemons = [d for d in self.daemons if d.name != name] + [daemon]
        if wait:
            self.until(20, '%s serves HTTP' % name, lambda: self.http(daemon, '/health')[0] == 200)
        return daemon

    def restart_daemon(self, daemon, wait=True):
        return self.start_daemon(wait=wait, **daemon.again)

    def start_agent(self, kind, name=None, slots=2, redis=None, flags=(), command=None, env=None):
        self.names += 1
        name = name or '%s-%d' % (kind, self.names)
        command = command or [os.path.join(HERE, 'work'), self.history, '{prompt}']
        agent = Process(self, name, [os.path.join(self.top, 'reeve-agent'), '--redis',
                                     'unix://' + (redis or self.redis_socket), '--id', name,
                                     '--type', kind, '--concurrency', str(slots), '--state-dir',
                                     os.path.join(self.dir, 'agent-' + name)] + list(flags) +
                        ['--'] + command, env)
        agent.again = dict(kind=kind, slots=slots, redis=redis, flags=flags, command=command,
                           env=env)
        self.agents = [a for a in self.agents if a.alive()] + [agent]
        return agent

    def restart_agent(self, agent):
        return self.start_agent(**agent.again)

    def start_all(self, daemons=1, agents=2, redis_options=()):
        self.start_redis(*redis_options)
        for _ in range(daemons):
            self.start_daemon()
        for kind in TYPES:
            for _ in range(agents):
                self.start_agent(kind)
        self.ready()

    # --- HTTP ------------------------------------------------------------------------------

    def http(self, daemon, path, body=None, headers=None, timeout=5, method=None):
        connection = UnixHTTP(daemon.socket, timeout)
        try:
            connection.request(method or ('GET' if body is None else 'POST'), path,
                               None if body is None else json.dumps(body),
                               dict({'Content-Type': 'application/json'}, **(headers or {})))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def api(self, path, **more):
        """JSON from the first daemon that answers."""
        last = None
        for daemon in self.daemons:
            if not daemon.alive():
                continue
            try:
                status, body = self.http(daemon, path, **more)
                if status == 200:
                    return json.loads(body)
                last = 'status %d' % status
            except (OSError, http.client.HTTPException) as error:
                last = str(error)
        raise ConnectionError('no daemon answers %s: %s' % (path, last))

    def is_ready(self, daemon):
        try:
            return self.http(daemon, '/ready')[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def owns(self, daemon):
        """It owns the partition and serves it."""
        try:
            return (daemon.alive() and self.is_ready(daemon) and
                    self.metric(daemon, 'reeve_partition_owner') == 1)
        except (OSError, http.client.HTTPException):
            return False

    def owner(self):
        """The daemon that owns the partition, or None."""
        for daemon in self.daemons:
            if self.owns(daemon):
                return daemon
        return None

    def ready(self, seconds=20):
        return self.until(seconds, 'a daemon is ready', lambda: self.owner())

    def metric(self, daemon, name):
        for line in self.http(daemon, '/metrics')[1].decode().splitlines():
            if line.startswith(name + ' '):
                return float(line.split()[-1])
        return 0.0

    # --- load --------------------------------------------------------------------------------

    def dag(self, name, tasks, seconds=0.0):
        """A random DAG: each task needs up to three of the ten before it; some fail once."""
        rows = []
        for i in range(tasks):
            count = self.random.randint(0 if i == 0 else 1, 3) if i else 0
            needs = self.random.sample(range(max(0, i - 10), i), min(count, i, 3))
            flaky = self.random.random() < 0.1
            rows.append({'id': 't%d' % i, 'agent': self.random.choice(TYPES),
                         'needs': ['t%d' % n for n in sorted(needs)],
                         'prompt': '%g %d' % (seconds, 1 if flaky else 0),
                         'retry': {'max_attempts': 6, 'delay': '50ms', 'max_delay': '200ms',
                                   'on': ['any'], 'poison': 50}})
        return json.dumps({'name': name, 'tasks': rows})

    def submit(self, source, key, expect='succeeded', seconds=60):
        """POSTs until it is accepted, each time with the same key; its id is written down."""
        accepted = []

        def attempt():
            for daemon in list(self.daemons):
                if not daemon.alive():
                    continue
                try:
                    status, body = self.http(daemon, '/api/v1/runs', {'source': source},
                                             {'Idempotency-Key': key})
                except (OSError, http.client.HTTPException):
                    continue
                if status in (200, 201):
                    accepted.append(json.loads(body))
                    return True
                if status not in (429, 503, 507):
                    raise Failed('a run was refused: %d %s' % (status, body[:300]))
            return False

        self.until(seconds, 'run %s is accepted' % key, attempt)
        return self.accepted(key, accepted[0]['id'], source, expect)

    def ask_again(self):
        """Whose answer did not come is asked for again with its key: taken once, or now."""
        for source, key in self.unsure:
            self.submit(source, key)
        self.unsure = []

    def accepted(self, key, run, source, expect='succeeded'):
        """Writes down that the daemon took a run."""
        with open(self.submitted, 'a') as out:
            out.write(json.dumps({'key': key, 'run': run, 'expect': expect,
                                  'source': source}) + '\n')
        return run

    def load(self, dags=6, tasks=20, seconds=0.0):
        """Submits DAGs in a thread of its own; join() waits until all are accepted."""
        dags = max(1, int(dags * self.scale))
        sources = [self.dag('load-%d' % i, tasks, seconds) for i in range(dags)]
        errors = []

        def run():
            try:
                for i, source in enumerate(sources):
                    self.submit(source, '%s-%d-%d' % (self.row, self.seed, i), seconds=120)
            except Exception as error:  # told by join()
                errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()

        def join():
            thread.join(180)
            if errors:
                raise errors[0]
            if thread.is_alive():
                raise Failed('the load was not accepted')

        return join

    def lines(self):
        with open(self.history) as history:
            return history.read().splitlines()

    def executed(self, kind='end'):
        return sum(1 for line in self.lines() if line.startswith(kind + ' '))

    def progress(self, more=1, seconds=30):
        """Waits until so many more tasks have ended; how long that took."""
        target = self.executed() + more
        return self.until(seconds, '%d more tasks end' % more,
                          lambda: self.executed() >= target or self.all_ended())

    def runs(self):
        with open(self.submitted) as lines:
            return [json.loads(line) for line in lines]

    def all_ended(self):
        runs = self.runs()
        listed = {r['id']: r['status'] for r in self.api('/api/v1/runs?limit=1000')['items']}
        return bool(runs) and all(
            listed.get(r['run']) not in (None, 'queued', 'running') for r in runs)

    def unfinished(self):
        """Runs that have not ended, with what is said of them; for a row that failed."""
        try:
            return [(r['id'], json.dumps(self.api('/api/v1/runs/%s/why' % r['id'])))
                    for r in self.api('/api/v1/runs?limit=20')['items']
                    if r['status'] in ('queued', 'running')]
        except Exception:  # there may be nobody who answers
            return []

    def healed(self):
        """The fault is over: how long the world takes from here is the row's figure."""
        self.healed_at = time.monotonic()

    def finish(self, seconds=90):
        """Every accepted run ends."""
        self.until(seconds, 'every accepted run ends', self.all_ended)

    def every(self, seconds, interval, act):
        """Does act() again and again for so long."""
        end = time.monotonic() + seconds
        count = 0
        while time.monotonic() < end:
            act()
            count += 1
            time.sleep(interval)
        return count


def limit_files(count):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
