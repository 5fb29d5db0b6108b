# SPDX-License-Identifier: MIT
"""Rows 7, 26, 28: state that is gone, and operators' harm to the streams."""
import os
import subprocess

from table import row
from world import LEASE, Failed


def long_load(world):
    """Runs that are all live for a while."""
    join = world.load(dags=3, tasks=20, seconds=0.4)
    join()
    world.progress(6)


def check_restored(world, daemon):
    world.until(15, 'the loss is noticed', lambda: world.metric(daemon, 'reeve_state_losses_total') >= 1)
    world.healed()
    took = world.ready(30)
    known = {r['id'] for r in world.api('/api/v1/runs?limit=1000')['items']}
    missing = [r['run'] for r in world.runs() if r['run'] not in known]
    if missing:
        raise Failed('runs were not restored: %s' % ', '.join(missing))
    return took


@row(26, 'FLUSHALL under load, on_state_loss: restore', 5, quick=True)
def flushed(world):
    world.overlap = world.forgotten = True  # what was with an agent is handed out again
    config = os.path.join(world.dir, 'reeve.yaml')
    with open(config, 'w') as out:
        out.write('on_state_loss: restore\n')
    world.start_redis()
    daemon = world.start_daemon(flags=('-c', config))
    for kind in ('alpha', 'beta', 'gamma'):
        for _ in range(2):
            world.start_agent(kind)
    world.ready()
    long_load(world)
    world.call('FLUSHALL')
    return check_restored(world, daemon)


@row(7, 'kill -9 of a Redis without persistence, on_state_loss: hold, then restore by command', 5,
     quick=True)
def lost(world):
    world.overlap = world.forgotten = True
    world.start_redis('--appendonly', 'no')
    daemon = world.start_daemon()
    for kind in ('alpha', 'beta', 'gamma'):
        for _ in range(2):
            world.start_agent(kind)
    world.ready()
    long_load(world)
    world.redis.kill()
    world.start_redis('--appendonly', 'no')
    world.until(20, 'the loss is noticed', lambda: world.metric(daemon, 'reeve_state_held') == 1)
    if world.is_ready(daemon):
        raise Failed('/ready says yes while the state is lost')
    if world.call('EXISTS', 'reeve:{0}:live'):
        raise Failed('something was written to the Redis that lost its state')
    done = subprocess.run([os.path.join(world.top, 'reeve'), '--socket', daemon.socket, 'recover',
                           'restore'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    if done.returncode:
        raise Failed('reeve recover restore: ' + done.stdout.decode())
    return check_restored(world, daemon)


@row(28, 'XGROUP DESTROY, DELCONSUMER, XDEL, XTRIM, DEL of streams under load', LEASE + 10, quick=True)
def operators(world):
    world.overlap = True  # a group that is destroyed forgets who holds what
    world.start_all()
    join = world.load(dags=3, tasks=20, seconds=0.3)
    join()
    done = []

    def key():
        return 'reeve:{0}:q:' + world.random.choice(('alpha', 'beta', 'gamma'))

    def destroy():
        name = key()
        world.call('XGROUP', 'DESTROY', name, name.rsplit(':', 1)[-1] + '_consumers')

    def forget():
        name = key()
        group = name.rsplit(':', 1)[-1] + '_consumers'
        for consumer in world.call('XINFO', 'CONSUMERS', name, group):
            info = dict(zip(consumer[::2], consumer[1::2]))
            if info[b'pending']:
                world.call('XGROUP', 'DELCONSUMER', name, group, info[b'name'])
                return

    def delete_entry():
        name = key()
        entries = world.call('XRANGE', name, '-', '+', 'COUNT', '1')
        if entries:
            world.call('XDEL', name, entries[0][0])

    harm = [destroy, forget, delete_entry, lambda: world.call('XTRIM', key(), 'MAXLEN', '0'),
            lambda: world.call('DEL', key())]
    for act in harm:
        try:
            act()
            done.append(act)
        except Exception:  # the stream may be absent just then
            pass
        if not world.all_ended():
            world.progress(1, seconds=60)
    if len(done) < 3:
        raise Failed('only %d kinds of harm were done' % len(done))
    world.healed()
    took = world.progress(seconds=60) if not world.all_ended() else 0.0
    return took
