# SPDX-License-Identifier: MIT
"""Rows 5, 6, 8, 9, 27, 29: what happens to Redis."""
import os

from table import row


def restart(world):
    world.start_redis(*world.redis_argv, env=world.redis_env)


@row(5, 'kill -9 of Redis with AOF always, every 3 s', 10, quick=True)
def killed_always(world):
    world.start_all(redis_options=('--appendfsync', 'always'))
    join = world.load(dags=6, tasks=25, seconds=0.05)
    for _ in range(max(1, int(3 * world.scale))):
        world.progress(10)
        world.redis.kill()
        restart(world)
    world.healed()
    took = world.ready()
    join()
    return took


@row(6, 'power cut: the last bytes of the AOF are gone', 10)
def cut_aof(world):
    world.overlap = world.rewound = True  # history was lost: attempts may be handed out again
    world.start_all(redis_options=('--appendfsync', 'everysec', '--aof-load-truncated', 'yes'))
    join = world.load(dags=4, tasks=20, seconds=0.05)
    join()
    world.progress(10)
    world.redis.kill()
    folder = os.path.join(world.dir, 'appendonlydir')
    name = [n for n in os.listdir(folder) if n.endswith('.incr.aof')][0]
    path = os.path.join(folder, name)
    size = os.path.getsize(path)
    os.truncate(path, max(0, size - world.random.randint(1, 2000)))
    restart(world)
    world.healed()
    return world.ready()


@row(8, 'SIGTERM of Redis under blocked readers', 10)
def stopped_redis(world):
    world.start_all()
    join = world.load(dags=4, tasks=20)
    world.progress(10)
    world.redis.term()
    restart(world)
    world.healed()
    took = world.ready()
    join()
    return took


@row(9, 'SIGSTOP of Redis for longer than a lease: nothing is taken from a live agent', 5, quick=True)
def frozen(world):
    world.start_all()
    join = world.load(dags=2, tasks=20, seconds=0.1)
    world.progress(5)
    world.redis.stop()
    world.pause(6)
    world.redis.cont()
    world.healed()
    took = world.progress()
    join()
    world.finish()
    crashes = sum(t['crashes'] for r in world.runs()
                  for t in world.api('/api/v1/runs/' + r['run'])['tasks'])
    world.numbers['reaped'] = crashes
    if crashes:
        from world import Failed
        raise Failed('%d attempts were taken from live agents' % crashes)
    return took


@row(27, 'SCRIPT FLUSH every 0.1 s', 2, quick=True)
def flush_scripts(world):
    world.start_all()
    join = world.load(dags=4, tasks=25, seconds=0.2)
    world.every(4 * world.scale, 0.1, lambda: world.call('SCRIPT', 'FLUSH'))
    world.healed()
    took = world.progress() if not world.all_ended() else 0.0
    join()
    return took


@row(29, 'a long script of somebody else, CLIENT PAUSE, CLIENT KILL of all', 5)
def busy(world):
    world.start_all(redis_options=('--busy-reply-threshold', '100'))
    join = world.load(dags=4, tasks=20, seconds=0.05)
    world.progress(5)
    world.call('CLIENT', 'PAUSE', '2000', 'ALL')
    world.progress(5)
    for kind in ('normal', 'pubsub'):
        world.call('CLIENT', 'KILL', 'TYPE', kind, 'SKIPME', 'yes')
    world.progress(5)
    world.call('EVAL', "local n = 0 for i = 1, 30000000 do n = n + 1 end return n", '0')
    world.healed()
    took = world.progress() if not world.all_ended() else 0.0
    join()
    return took
