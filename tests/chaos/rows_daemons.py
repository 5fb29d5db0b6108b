# SPDX-License-Identifier: MIT
"""Rows 1, 2, 10, 44: what happens to reeved."""
import signal
import time

from proxy import Proxy
from table import row
from world import Failed


@row(1, 'kill -9 of reeved at each commit, before and after it is applied', 5, quick=True)
def at_each_commit(world):
    world.start_redis()
    proxy = Proxy(world.redis_socket + '.proxy', world.redis_socket)
    for kind in ('alpha', 'beta', 'gamma'):
        world.start_agent(kind, slots=3)
    state = {'left': 0, 'after': False, 'daemon': None, 'kills': 0}

    def on_command(data):
        if b'EVALSHA' not in data or state['left'] <= 0:
            return None
        state['left'] -= data.count(b'EVALSHA')
        if state['left'] > 0:
            return None
        state['left'] = 0
        state['kills'] += 1
        if state['after']:
            return 'cut-after'  # Redis has it; the daemon never hears
        return 'cut-before'

    proxy.on_command = on_command
    daemon = world.start_daemon(name='reeved', redis=proxy.listen)
    world.ready()
    join = world.load(dags=4 / min(world.scale, 1), tasks=15, seconds=0.05)
    point = 1
    while point < int(40 * world.scale) and not (point > 25 and world.all_ended()):
        kills = state['kills']
        state['after'] = not state['after']
        state['left'] = point
        begin = time.monotonic()
        while state['kills'] == kills and time.monotonic() - begin < 0.7:
            time.sleep(0.005)
        state['left'] = 0
        daemon.kill()
        daemon = world.restart_daemon(daemon, wait=False)
        world.ready()
        point += 1
    world.healed()
    join()
    world.numbers['kills'] = state['kills']
    if state['kills'] < 5:
        raise Failed('only %d commits were hit' % state['kills'])
    took = world.progress() if not world.all_ended() else 0.0
    world.finish()
    return took


@row(2, 'kill -9 of a random reeved again and again, three running', 10, quick=True)
def random_kills(world):
    world.start_all(daemons=3)
    join = world.load(dags=6, tasks=20)

    def act():
        daemon = world.random.choice(world.daemons)
        daemon.kill()
        world.restart_daemon(daemon, wait=False)

    count = world.every(5 * world.scale, 0.2, act)
    world.numbers['kills'] = count
    world.healed()
    took = world.ready()
    join()
    return took


@row('2b', 'kill -9 of the owner while standbys wait', 10, quick=True)
def take_over(world):
    world.start_all(daemons=2)
    join = world.load(dags=4, tasks=20)
    world.progress(10)
    owner = world.owner()
    owner.kill()
    world.healed()
    took = world.ready()
    join()
    return took


@row('2c', 'SIGTERM of the owner while a standby waits', 2)
def hand_over(world):
    world.start_all(daemons=2)
    join = world.load(dags=4, tasks=20)
    world.progress(10)
    owner = world.owner()
    begin = time.monotonic()
    if owner.term() != 0:
        raise Failed('reeved did not end with 0')
    if time.monotonic() - begin > 5 * world.patience:
        raise Failed('SIGTERM took %.1f s' % (time.monotonic() - begin))
    world.healed()
    took = world.ready()
    join()
    return took


@row(10, 'the owner is stopped (SIGSTOP) for 12 s, another takes over, it wakes up', 10, quick=True)
def stopped_owner(world):
    world.start_all(daemons=2)
    join = world.load(dags=6, tasks=20, seconds=0.05)
    world.progress(10)
    owner = world.owner()
    owner.stop()
    begin = time.monotonic()
    others = [d for d in world.daemons if d is not owner]
    world.until(15, 'another takes over', lambda: any(world.owns(d) for d in others))
    took = time.monotonic() - begin
    owner.cont()
    world.until(10, 'the old one knows', lambda: not world.owns(owner))
    join()
    return took


@row(44, 'SIGTERM under load, then a second one', 6)
def stop_under_load(world):
    world.start_all()
    join = world.load(dags=4, tasks=20, seconds=0.05)
    world.progress(10)
    owner = world.owner()
    begin = time.monotonic()
    owner.signal(signal.SIGTERM)
    owner.signal(signal.SIGTERM)
    owner.child.wait(30)
    took = time.monotonic() - begin
    world.restart_daemon(owner, wait=False)
    world.ready()
    join()
    return took
