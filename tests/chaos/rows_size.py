# SPDX-License-Identifier: MIT
"""Rows 33, 35, 37, 41: many tasks, and large or hostile entries."""
import json
import os
import threading
import time

from fast import DONE, FastAgent
from resp import Redis
from table import row
from world import Failed


def flow(name, tasks):
    return json.dumps({'name': name, 'tasks': tasks})


def started(world, kind='fast'):
    world.agent_type(kind)
    world.start_redis('--stream-node-max-entries', '50')
    daemon = world.start_daemon()
    world.ready()
    return daemon


def ended(world, run, status='succeeded', seconds=120):
    return world.until(seconds, 'the run ends', lambda: run_of(world, run)['status'] == status)


def run_of(world, run):
    for item in world.api('/api/v1/runs?limit=100')['items']:
        if item['id'] == run:
            return item
    return {'status': None}


@row(33, 'one slow agent before 10,000 tasks: the stream stays short, priorities hold', 5, bare=True,
     quick=True)
def slow_consumer(world):
    daemon = started(world, 'slow')
    count = int(10000 * world.scale)
    run = world.submit(flow('many', [{'id': 't%d' % i, 'agent': 'slow', 'prompt': 'x'}
                                     for i in range(count)]), 'many')
    world.submit(flow('more', [{'id': 'm%d' % i, 'agent': 'slow', 'prompt': 'x'}
                               for i in range(count)]), 'more')
    world.until(20, 'the stream is filled', lambda: world.call('XLEN', 'reeve:{0}:q:slow') > 0)
    rss = daemon.rss_kib()
    agent = FastAgent(world, 'slow', batch=8, delay=0.01)
    world.until(20, 'some are done', lambda: agent.done > 100)
    world.submit(flow('urgent', [{'id': 'urgent', 'agent': 'slow', 'prompt': 'x',
                                  'priority': 'urgent'}]), 'urgent')
    before = agent.done
    longest = 0

    def look():
        nonlocal longest
        longest = max(longest, world.call('XLEN', 'reeve:{0}:q:slow'))
        return 'urgent' in agent.order

    took = world.until(60, 'the urgent task is taken', look)
    agent.end()
    world.numbers['longest_stream'] = longest
    world.numbers['tasks_before_urgent'] = agent.order.index('urgent') - before
    if longest > 1024 + 256:
        raise Failed('the stream had %d entries' % longest)
    if agent.order.index('urgent') - before > 1024 + 256:
        raise Failed('%d tasks went before the urgent one' % (agent.order.index('urgent') - before))
    if daemon.rss_kib() > rss + 10 * 1024:
        raise Failed('RSS grew from %d to %d KiB' % (rss, daemon.rss_kib()))
    if run_of(world, run)['status'] != 'running':
        raise Failed('the run is not under way')
    return took


@row(35, 'malformed reports: 64 MB entries, and small ones at 10,000 a second', 5, quick=True)
def malformed(world):
    world.start_all()
    join = world.load(dags=3, tasks=20, seconds=0.1)
    stop = threading.Event()
    sent = [0]
    owner = world.owner()

    def small():
        client = Redis(world.redis_socket)
        while not stop.is_set():
            junk = [('XADD', DONE, '*', *fields) for fields in (
                ('run', 'nobody', 'task', 'x', 'token', '0' * 16, 'status', 'succeeded'),
                ('a', b'\x00\xff\xfe'), ('run', '', 'task', '', 'token', '-1'),
                ('token', 'x' * 5000), ('status', '\r\n'))] * 20
            client.pipeline(junk)
            sent[0] += len(junk)
            stop.wait(len(junk) / 10000)

    thread = threading.Thread(target=small, daemon=True)
    thread.start()
    large = 100 if world.scale >= 1 else 5
    client = Redis(world.redis_socket, timeout=60)
    for i in range(large):
        client.call('XADD', DONE, '*', 'run', 'x', 'junk', b'j' * (64 * 1000 * 1000))
        world.until(30, 'the large entry is passed', lambda: client.call(
            'MEMORY', 'USAGE', DONE, 'SAMPLES', '0') < 70 * 1000 * 1000)
    stop.set()
    thread.join(10)
    sent[0] += large
    join()
    world.finish()
    world.numbers['sent'] = sent[0]

    def counted():
        return sum(world.metric(owner, 'reeve_completions_total{result="%s"}' % r)
                   for r in ('malformed', 'unknown')) >= sent[0]

    took = world.until(30, 'all are counted', counted)
    if owner.rss_kib() > 300 * 1024:
        raise Failed('RSS is %d KiB' % owner.rss_kib())
    return took


@row(37, '1 to 20,000 to 1, and a chain of 20,000', 20, bare=True)
def wide_and_long(world):
    started(world)
    count = int(20000 * world.scale)
    agent = FastAgent(world, 'fast')
    wide = ([{'id': 'first', 'agent': 'fast', 'prompt': 'x'}] +
            [{'id': 'm%d' % i, 'agent': 'fast', 'needs': ['first'], 'prompt': 'x'}
             for i in range(count)] +
            [{'id': 'last', 'agent': 'fast', 'needs': ['m%d' % i for i in range(count)],
              'prompt': 'x'}])
    begin = time.monotonic()
    path = os.path.join(world.flows, 'wide.yaml')
    with open(path + '.tmp', 'w') as out:
        out.write(flow('wide', wide).replace('"name": "wide"', '"name": "wide", "max_parallel": 1024'))
    os.rename(path + '.tmp', path)
    world.until(60, 'the wide run ends', lambda: 'last' in agent.order)
    took = time.monotonic() - begin
    chain = [{'id': 'c%d' % i, 'agent': 'fast', 'needs': ['c%d' % (i - 1)] if i else [],
              'prompt': 'x'} for i in range(count)]
    run = world.submit(flow('chain', chain), 'chain')
    ended(world, run, seconds=180)
    agent.end()
    order = [t for t in agent.order if t.startswith('c')]
    if order != ['c%d' % i for i in range(count)]:
        raise Failed('the chain was not executed in its order')
    if agent.order.index('last') < count or agent.order[0] != 'first':
        raise Failed('the fan-out was not executed in its order')
    return took


@row(41, 'a workflow of 100,000 tasks runs; one of 100,001 is refused', 60, bare=True)
def hundred_thousand(world):
    daemon = started(world)
    agent = FastAgent(world, 'fast')

    def drop(name, count):
        path = os.path.join(world.flows, name + '.yaml')
        with open(path + '.tmp', 'w') as out:
            out.write('name: %s\nmax_parallel: 1024\ntasks:\n' % name)
            for i in range(count):
                out.write('  - {id: t%d, agent: fast, prompt: x}\n' % i)
        os.rename(path + '.tmp', path)

    drop('over', 100001)
    world.until(20, 'it is refused', lambda: daemon.logged('100001') or daemon.logged('100,00'))
    begin = time.monotonic()
    drop('full', 100000)
    world.until(120, 'all are done', lambda: agent.done >= 100000)
    took = time.monotonic() - begin
    agent.end()
    items = world.api('/api/v1/runs?limit=10')['items']
    if [r['workflow'] for r in items] != ['full']:
        raise Failed('runs: %s' % [r['workflow'] for r in items])
    world.until(30, 'it ends', lambda: world.api('/api/v1/runs?limit=10')['items'][0]['status'] ==
                'succeeded')
    return took
