# SPDX-License-Identifier: MIT
"""Rows 12, 14, 15, 16, 17, 18: what happens between the parts and Redis."""
import os
import re
import socket
import threading
import time

from proxy import Proxy
from table import row
from world import Failed, Process


def behind_proxy(world, agents_too=False):
    world.start_redis()
    proxy = Proxy(world.redis_socket + '.proxy', world.redis_socket)
    daemon = world.start_daemon(redis=proxy.listen)
    for kind in ('alpha', 'beta', 'gamma'):
        for _ in range(2):
            world.start_agent(kind, redis=proxy.listen if agents_too else None)
    world.ready()
    return proxy, daemon


@row(12, 'nothing passes between reeved and Redis for 8 s', 5, quick=True)
def black_hole(world):
    proxy, daemon = behind_proxy(world)
    join = world.load(dags=4, tasks=20, seconds=0.2)
    world.progress(10)
    rss = daemon.rss_kib()
    proxy.mode = 'hole'
    begin = time.monotonic()
    world.until(15, '/ready says no', lambda: not world.is_ready(daemon))
    world.numbers['noticed_after'] = round(time.monotonic() - begin, 1)
    if world.http(daemon, '/health')[0] != 200:
        raise Failed('/health does not answer')
    world.pause(max(0.0, 8 - (time.monotonic() - begin)))
    if daemon.rss_kib() > rss + 20 * 1024:
        raise Failed('RSS grew from %d to %d KiB' % (rss, daemon.rss_kib()))
    proxy.mode = 'pass'
    world.healed()
    took = world.ready()
    join()
    return took


@row(14, 'replies are cut after k bytes, for many k', 5, quick=True)
def cut_replies(world):
    proxy, daemon = behind_proxy(world, agents_too=True)
    join = world.load(dags=4, tasks=20, seconds=0.1)
    k = 1
    while k < 6000 * world.scale:
        proxy.cut_at = k
        for link in list(proxy.links.values()):
            link.replied = 0
        proxy.mode = 'cut'
        cuts = proxy.cuts
        begin = time.monotonic()
        while proxy.cuts == cuts and time.monotonic() - begin < 0.5:
            time.sleep(0.005)
        proxy.mode = 'pass'
        world.pause(0.05)
        if not daemon.alive():
            raise Failed('reeved ended at k = %d' % k)
        k = k + 1 if k < 12 else int(k * 1.4)
    world.numbers['cuts'] = proxy.cuts
    if proxy.cuts < 10:
        raise Failed('only %d replies were cut' % proxy.cuts)
    world.healed()
    took = world.ready()
    join()
    return took


@row(15, '300 ms delay, then one byte at a time', 5)
def slow_link(world):
    proxy, daemon = behind_proxy(world)
    join = world.load(dags=2, tasks=10, seconds=0.1)
    for settings in (('pass', 0.3), ('trickle', 0.001)):
        proxy.mode, proxy.delay = settings
        world.pause(4)
        for _ in range(5):
            begin = time.monotonic()
            world.http(daemon, '/health')
            if time.monotonic() - begin > 0.5 * world.patience:
                raise Failed('the loop stood still for %.1f s' % (time.monotonic() - begin))
    proxy.mode, proxy.delay = 'pass', 0.0
    world.healed()
    took = world.ready()
    join()
    return took


@row(16, 'Redis is refused, a black hole, a name that is none: the loop goes on', 1, bare=True, quick=True)
def no_redis(world):
    hole = socket.socket()
    hole.bind(('127.0.0.1', 0))
    hole.listen(0)
    fill = []
    for _ in range(4):  # the backlog is full: SYNs are dropped
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(hole.getsockname())
        fill.append(sock)
    urls = ['redis://127.0.0.1:1', 'redis://127.0.0.1:%d' % hole.getsockname()[1],
            'redis://no-such-host.invalid:6379']
    worst = 0.0
    for i, url in enumerate(urls):
        name = 'lonely-%d' % i
        state = os.path.join(world.dir, name)
        os.mkdir(state, 0o700)
        daemon = Process(world, name, [os.path.join(world.top, 'reeved'), '--state-dir', state,
                                       '--workflows', world.flows, '--agents', world.types,
                                       '--http', '127.0.0.1:0', '--redis', url])
        daemon.socket = os.path.join(state, 'reeve.sock')
        world.until(20, 'it serves HTTP', lambda: world.http(daemon, '/health')[0] == 200)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            begin = time.monotonic()
            world.http(daemon, '/health')
            worst = max(worst, time.monotonic() - begin)
            if world.is_ready(daemon):
                raise Failed('/ready says yes with ' + url)
            time.sleep(0.02)
        if daemon.term() != 0:
            raise Failed('SIGTERM did not end it cleanly')
    return worst


GARBAGE = (b'\xff' * 4096, b'+OK\r\n' * 100, b'*2147483647\r\n', b'*1\r\n' * 64 + b':1\r\n',
           b'%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n', b'$-5\r\n', b'$99999999999999\r\n', b':\r\n',
           b'-LOADING Redis is loading\r\n' * 3, b'*-7\r\n', b'')


@row(17, 'something that is no Redis answers', 1, bare=True, quick=True)
def garbage(world):
    path = os.path.join(world.dir, 'garbage.sock')
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(16)
    count = [0]

    def serve():
        while True:
            try:
                sock, _ = server.accept()
                sock.recv(1)
                sock.sendall(GARBAGE[count[0] % len(GARBAGE)])
                count[0] += 1
                sock.close()
            except OSError:
                if server.fileno() < 0:
                    return

    threading.Thread(target=serve, daemon=True).start()
    daemon = world.start_daemon(redis=path)
    agent = world.start_agent('alpha', redis=path)
    world.until(120, 'every kind was sent', lambda: count[0] >= 3 * len(GARBAGE))
    worst = 0.0
    for _ in range(20):
        begin = time.monotonic()
        world.http(daemon, '/health')
        worst = max(worst, time.monotonic() - begin)
    server.close()
    if not daemon.alive() or not agent.alive():
        raise Failed('reeved or the agent ended')
    if daemon.rss_kib() > 64 * 1024:
        raise Failed('RSS is %d KiB' % daemon.rss_kib())
    world.numbers['connections'] = count[0]
    return worst


@row(18, 'a replica that misses the last writes is promoted', 5, quick=True)
def failover(world):
    world.overlap = world.rewound = True  # what was handed out in the lost suffix may be handed out again
    port = free_port()
    world.start_redis('--port', str(port))
    master = world.redis
    master_socket = world.redis_socket
    replica_dir = os.path.join(world.dir, 'replica')
    os.mkdir(replica_dir)
    replica_socket = os.path.join(replica_dir, 'redis.sock')
    replica = Process(world, 'replica', [master.argv[0], '--port', '0', '--unixsocket',
                                         replica_socket, '--dir', replica_dir, '--save', '',
                                         '--appendonly', 'yes', '--maxmemory-policy', 'noeviction',
                                         '--replicaof', '127.0.0.1', str(port)])
    proxy = Proxy(world.redis_socket + '.proxy', master_socket)
    for _ in range(2):
        world.start_daemon(redis=proxy.listen)
    for kind in ('alpha', 'beta', 'gamma'):
        for _ in range(2):
            world.start_agent(kind, redis=proxy.listen)
    world.ready()

    def on_replica(*args):
        world.redis_socket = replica_socket
        try:
            return world.call(*args)
        finally:
            world.redis_socket = master_socket

    world.until(20, 'the replica is in step', lambda: b'master_link_status:up' in
                on_replica('INFO', 'replication'))
    join = world.load(dags=5, tasks=20, seconds=0.1)
    join()
    # runs that were accepted in the lost suffix are lost with it: these are not
    accepted = offset(world.call('INFO', 'replication'), b'master')
    world.until(20, 'the replica has the runs', lambda:
                offset(on_replica('INFO', 'replication'), b'slave') >= accepted)
    world.progress(10)
    on_replica('REPLICAOF', 'NO', 'ONE')
    world.progress(3)  # the master takes more writes, which will be lost
    proxy.target = replica_socket
    master.kill()
    world.redis_socket = replica_socket
    world.redis = replica
    world.healed()
    return world.ready()


def offset(info, whose):
    return int(re.search(whose + rb'_repl_offset:(\d+)', info).group(1))


def free_port():
    sock = socket.socket()
    sock.bind(('127.0.0.1', 0))
    port = sock.getsockname()[1]
    sock.close()
    return port
