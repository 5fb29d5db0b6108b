# SPDX-License-Identifier: MIT
"""Rows 23, 24, 25, 30, 31, 46, 47: full, denied, and clocks that jump."""
import http.client
import json
import os
import struct
import subprocess
import threading
import time

from table import row
from world import LEASE, Failed


def preload(world, name):
    """Builds preload_NAME.c; its path."""
    here = os.path.dirname(os.path.abspath(__file__))
    path = os.path.join(world.dir, name + '.so')
    subprocess.run(['cc', '-O1', '-shared', '-fPIC', '-o', path,
                    os.path.join(here, 'preload_%s.c' % name), '-ldl'], check=True)
    return path


def refused(world):
    """A run is refused now, with a sentence.  One that is still taken has to end like others."""
    daemon = world.daemons[0]
    world.names += 1
    source, key = world.dag('probe', 1), 'probe-%d' % world.names
    try:
        status, body = world.http(daemon, '/api/v1/runs', {'source': source},
                                  {'Idempotency-Key': key})
    except (OSError, http.client.HTTPException):
        world.unsure.append((source, key))
        raise
    if status in (200, 201):
        world.accepted(key, json.loads(body)['id'], source)
    if b'is done once' in body:  # it was on its way to Redis: its key gives that run
        world.unsure.append((source, key))
    return status in (429, 503, 507) and b'message' in body


@row(23, 'maxmemory is reached, then memory is freed', 5, quick=True)
def out_of_memory(world):
    world.start_all()
    join = world.load(dags=3, tasks=20, seconds=0.2)
    join()
    world.progress(5)
    world.call('SET', 'foreign', b'x' * 1000)
    used = int(dict(line.split(b':', 1) for line in world.call('INFO', 'memory').split(b'\r\n')
                    if b':' in line)[b'used_memory'])
    world.call('CONFIG', 'SET', 'maxmemory', str(used))
    world.until(15, 'new runs are refused', lambda: refused(world))
    if world.is_ready(world.daemons[0]):
        raise Failed('/ready says yes while Redis is full')
    world.api('/api/v1/runs')  # reads go on
    world.call('CONFIG', 'SET', 'maxmemory', '0')
    world.healed()
    return world.ready()


@row(24, 'the disk of Redis is full (AOF everysec), then there is space', 5, quick=True)
def disk_full(world):
    flag = os.path.join(world.dir, 'full')
    world.start_redis('--appendfsync', 'everysec',
                      env={'LD_PRELOAD': preload(world, 'full'), 'CHAOS_FULL': flag})
    world.start_daemon()
    for kind in ('alpha', 'beta', 'gamma'):
        world.start_agent(kind)
    world.ready()
    join = world.load(dags=3, tasks=20, seconds=0.2)
    join()
    world.progress(5)
    open(flag, 'w').close()
    world.until(15, 'redis refuses writes', lambda: b'aof_last_write_status:err' in
                world.call('INFO', 'persistence'))
    world.until(15, 'new runs are refused', lambda: refused(world))
    world.api('/api/v1/runs')
    os.unlink(flag)
    world.healed()
    return world.ready(30)


@row(25, 'BGSAVE fails and Redis stops writes', 5, quick=True)
def bgsave(world):
    world.start_all(redis_options=('--enable-protected-configs', 'yes'))
    world.call('CONFIG', 'SET', 'save', '3600 1')
    join = world.load(dags=3, tasks=20, seconds=0.2)
    join()
    world.progress(5)
    world.call('CONFIG', 'SET', 'dir', '/proc')
    world.call('BGSAVE')
    world.until(15, 'the save failed', lambda: b'rdb_last_bgsave_status:err' in
                world.call('INFO', 'persistence'))
    world.until(15, 'new runs are refused', lambda: refused(world))
    world.api('/api/v1/runs')
    world.call('CONFIG', 'SET', 'dir', world.dir)
    world.call('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no')
    world.healed()
    return world.ready(30)


@row(30, 'rights are taken away at run time, then given back', 31)
def rights(world):
    world.start_all()
    join = world.load(dags=3, tasks=20, seconds=0.2)
    join()
    world.progress(5)
    admin = ('ACL', 'SETUSER', 'keeper', 'on', 'nopass', '~*', '&*', '+@all')
    world.call(*admin)
    from resp import Redis
    keeper = Redis(world.redis_socket)
    keeper.call('AUTH', 'keeper', 'x')
    keeper.call('ACL', 'SETUSER', 'default', '-@all', '+ping')
    keeper.call('CLIENT', 'KILL', 'USER', 'default', 'SKIPME', 'yes')
    world.until(15, '/ready says no', lambda: not world.is_ready(world.daemons[0]))
    calls = [int(keeper.call('INFO', 'stats').split(b'total_connections_received:')[1].split()[0])]
    world.pause(2)
    calls.append(int(keeper.call('INFO', 'stats').split(b'total_connections_received:')[1].split()[0]))
    world.numbers['connections_a_second'] = (calls[1] - calls[0]) / 2
    if calls[1] - calls[0] > 200:
        raise Failed('%d connections in 2 s: a hot retry' % (calls[1] - calls[0]))
    keeper.call('ACL', 'SETUSER', 'default', '+@all')
    world.healed()
    return world.ready(40)


@row(31, 'clocks of Redis, reeved and agents jump an hour either way', 5, quick=True)
def clocks(world):
    library = preload(world, 'clock')
    files = {}

    def clock(name):
        files[name] = os.path.join(world.dir, 'clock-' + name)
        with open(files[name], 'wb') as out:
            out.write(struct.pack('<q', 0))
        return {'LD_PRELOAD': library, 'CHAOS_CLOCK': files[name]}

    def jump(name, seconds):
        with open(files[name], 'r+b') as out:
            out.write(struct.pack('<q', seconds))

    world.start_redis(env=clock('redis'))
    world.start_daemon(env=clock('reeved'))
    for kind in ('alpha', 'beta', 'gamma'):
        for _ in range(2):
            world.start_agent(kind, env=clock('agents') if 'agents' not in files else
                              {'LD_PRELOAD': library, 'CHAOS_CLOCK': files['agents']})
    world.ready()
    join = world.load(dags=3, tasks=20, seconds=0.3)
    join()
    for name in ('redis', 'reeved', 'agents'):
        for seconds in (3600, -3600, 0):
            jump(name, seconds)
            world.progress(1)
    world.every(2, 0.2, lambda: jump('redis', world.random.choice((3600, -3600, 0))))
    for name in files:
        jump(name, 0)
    world.healed()
    took = world.progress() if not world.all_ended() else 0.0
    world.finish()
    crashes = sum(t['crashes'] for r in world.runs()
                  for t in world.api('/api/v1/runs/' + r['run'])['tasks'])
    if crashes:
        raise Failed('%d attempts were taken from live agents' % crashes)
    return took


@row(46, 'nobody reads the log; a metrics scraper hangs; the log\'s disk is full', 1)
def no_log(world):
    world.start_redis()
    read_end, write_end = os.pipe()
    daemon = world.start_daemon(preexec=lambda: os.dup2(write_end, 2))
    os.close(write_end)
    os.close(read_end)  # from here on each line is a broken pipe
    for kind in ('alpha', 'beta', 'gamma'):
        world.start_agent(kind)
    world.ready()
    import socket
    scraper = socket.socket(socket.AF_UNIX)
    scraper.connect(daemon.socket)
    scraper.sendall(b'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n' * 50)
    join = world.load(dags=3, tasks=20)
    join()
    world.finish()
    if not daemon.alive():
        raise Failed('reeved ended with its log')
    scraper.close()
    return 0.0


@row(47, 'the n-th allocation of reeved fails, for many n', 5)
def no_memory(world):
    library = preload(world, 'malloc')
    world.start_redis()
    for kind in ('alpha', 'beta', 'gamma'):
        world.start_agent(kind)
    daemon = world.start_daemon(name='reeved')
    world.ready()
    join = world.load(dags=4, tasks=20, seconds=0.2)
    died = 0
    n = 200
    while n < 40000 * world.scale:
        daemon.kill()
        daemon = world.start_daemon(name='reeved', wait=False,
                                    env={'LD_PRELOAD': library, 'CHAOS_MALLOC': str(n)})
        end = time.monotonic() + 1.0
        while daemon.alive() and time.monotonic() < end:
            time.sleep(0.02)
        if not daemon.alive():
            died += 1
            if daemon.child.returncode == -11:
                raise Failed('a crash (SIGSEGV) at allocation %d' % n)
        n = int(n * 1.7)
    world.numbers['ends'] = died
    daemon.kill()
    world.start_daemon(name='reeved')
    world.healed()
    took = world.ready()
    join()
    return took
