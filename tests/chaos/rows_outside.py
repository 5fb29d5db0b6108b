# SPDX-License-Identifier: MIT
"""Rows 42, 43, 45: what clients and operators do to reeved itself."""
import os
import signal
import socket
import threading
import time

from table import row
from world import Failed, limit_files


def connect(daemon):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(5)
    sock.connect(daemon.socket)
    return sock


def cpu_seconds(pid):
    with open('/proc/%d/stat' % pid) as stat:
        fields = stat.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


@row(42, '64 file descriptors and 1,000 HTTP clients', 5, quick=True)
def descriptors(world):
    world.start_redis()
    daemon = world.start_daemon(preexec=limit_files(64))
    for kind in ('alpha', 'beta', 'gamma'):
        world.start_agent(kind)
    world.ready()
    join = world.load(dags=3, tasks=20, seconds=0.1)
    join()
    clients = []
    for _ in range(1000):
        try:
            sock = socket.socket(socket.AF_UNIX)
            sock.setblocking(False)
            sock.connect(daemon.socket)
            clients.append(sock)
        except (BlockingIOError, OSError):
            sock.close()
    before, begin = cpu_seconds(daemon.pid), time.monotonic()
    world.progress(10)
    world.pause(1)
    spent = (cpu_seconds(daemon.pid) - before) / (time.monotonic() - begin)
    world.numbers['cpu'] = round(spent, 2)
    for sock in clients:
        sock.close()
    if spent > 0.8:
        raise Failed('reeved spins: %.0f %% of a core' % (100 * spent))
    world.healed()
    return world.ready()


@row(43, 'SIGHUP a thousand times a second, a broken file, SIGTERM meanwhile', 6, quick=True)
def hangups(world):
    world.start_redis()
    config = os.path.join(world.dir, 'reeve.yaml')
    with open(config, 'w') as out:
        out.write('log_level: info\n')
    daemon = world.start_daemon(flags=('-c', config))
    for kind in ('alpha', 'beta', 'gamma'):
        world.start_agent(kind)
    world.ready()
    join = world.load(dags=3, tasks=20, seconds=0.05)
    end = time.monotonic() + 3 * world.scale
    i = 0
    while time.monotonic() < end:
        i += 1
        if i % 100 == 0:
            with open(config, 'w') as out:
                out.write('log_level: info\n' if i % 200 else 'log_level: [unfinished\n')
        daemon.signal(signal.SIGHUP)
        time.sleep(0.001)
    world.numbers['hangups'] = i
    if not daemon.alive():
        raise Failed('reeved ended')
    with open(config, 'w') as out:
        out.write('log_level: info\n')
    join()
    begin = time.monotonic()
    daemon.signal(signal.SIGHUP)
    if daemon.term() != 0:
        raise Failed('SIGTERM during a reload did not end it cleanly')
    took = time.monotonic() - begin
    world.restart_daemon(daemon)
    world.ready()
    return took


HOSTILE = (
    b'GET / HTTP/1.1\r\n',
    b'GET /' + b'a' * 1000000 + b' HTTP/1.1\r\n\r\n',
    b'GET /health HTTP/1.1\r\nX: ' + b'b' * 1000000 + b'\r\n\r\n',
    b'POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: '
    b'chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n',
    b'POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n'
    b'ffffffffffffffff\r\nx',
    b'POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
    b'POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n{',
    b'POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
    b'Content-Length: 4\r\n\r\n\xff\xfe{}',
    b'GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n',
    b'GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n',
    b'GET /api/v1/runs/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + b'\x00' * 400,
    b'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n' * 10000,
    b'\x00' * 65536)


@row(45, 'hostile HTTP: slow, huge, ambiguous, pipelined, half-closed', 1, quick=True)
def hostile_http(world):
    world.start_all()
    daemon = world.daemons[0]
    join = world.load(dags=3, tasks=20, seconds=0.1)
    slow = [connect(daemon) for _ in range(20)]
    stop = threading.Event()

    def drip():
        while not stop.wait(0.2):
            for sock in slow:
                try:
                    sock.sendall(b'G')
                except OSError:
                    pass

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    worst = 0.0
    for text in HOSTILE * 3:
        sock = connect(daemon)
        sock.settimeout(1)
        try:
            sock.sendall(text)
            sock.shutdown(socket.SHUT_WR)
            answer = sock.recv(65536)
            if b'root:' in answer:
                raise Failed('a file was served')
        except OSError:
            pass
        sock.close()
        begin = time.monotonic()
        world.http(daemon, '/health')
        worst = max(worst, time.monotonic() - begin)
    stop.set()
    thread.join(5)
    for sock in slow:
        sock.close()
    join()
    if not daemon.alive():
        raise Failed('reeved ended')
    world.numbers['slowest_health_ms'] = int(worst * 1000)
    return worst
