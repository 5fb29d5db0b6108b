# SPDX-License-Identifier: MIT
"""Rows 3, 4, 11, 13, 32, 34, 36: what happens to agents."""
import json
import os
import signal
import threading
import time

from proxy import Proxy
from resp import Redis
from table import row
from world import LEASE, TYPES, Failed

BEAT = LEASE / 3


def one_task(kind, prompt, **more):
    task = dict({'id': 'only', 'agent': kind, 'prompt': prompt,
                 'retry': {'max_attempts': 6, 'delay': '50ms', 'on': ['any'], 'poison': 50}}, **more)
    return json.dumps({'name': 'one', 'tasks': [task]})


def starts(world, run):
    return [line for line in world.lines() if line.startswith('start ' + run + '/')]


def shell(text):
    return ['/bin/sh', '-c', text]


@row(3, 'kill -9 of a random reeve-agent again and again', LEASE + BEAT + 1, quick=True)
def killed_agents(world):
    world.start_all()
    join = world.load(dags=4, tasks=20, seconds=0.1)

    def act():
        agent = world.random.choice(world.agents)
        agent.kill()
        world.restart_agent(agent)

    world.numbers['kills'] = world.every(4 * world.scale, 0.3, act)
    join()
    # how long one task of a dead agent waits for another
    run = world.submit(one_task('alpha', '3 0'), 'alone')
    world.until(60, 'it is started', lambda: starts(world, run))
    task = world.api('/api/v1/runs/%s' % run)['tasks'][0]
    holder = [a for a in world.agents if '--id' in a.argv and a.name == task['agent']]
    world.until(20, 'its agent is known', lambda: world.api('/api/v1/runs/' + run)['tasks'][0]['agent'])
    name = world.api('/api/v1/runs/' + run)['tasks'][0]['agent']
    holder = [a for a in world.agents if a.name == name]
    if not holder:
        raise Failed('agent %s is not one of ours' % name)
    before = len(starts(world, run))
    holder[0].kill()
    return world.until(30, 'another agent has it', lambda: len(starts(world, run)) > before)


@row('3b', 'an agent signs off with work in hand', BEAT + 2)
def signed_off(world):
    world.start_all()
    run = world.submit(one_task('alpha', '1 0'), 'alone')
    world.until(20, 'its agent is known', lambda: world.api('/api/v1/runs/' + run)['tasks'][0]['agent'])
    name = world.api('/api/v1/runs/' + run)['tasks'][0]['agent']
    holder = [a for a in world.agents if a.name == name][0]
    holder.signal(signal.SIGTERM)
    holder.signal(signal.SIGTERM)  # the second cancels what runs
    begin = time.monotonic()
    world.finish()
    return max(0.0, time.monotonic() - begin - 1)


@row(4, 'kill -9 of the command; a command that ignores SIGTERM is cancelled', 2 + 2, quick=True)
def killed_commands(world):
    world.agent_type('stubborn', grace='1s')
    world.start_all()
    pids = os.path.join(world.dir, 'stubborn-pids')
    world.start_agent('stubborn', command=shell(
        'trap "" TERM; echo $$ >>"%s"; while :; do sleep 0.2; done' % pids))
    join = world.load(dags=3, tasks=15, seconds=0.3)
    killed = set()

    def act():
        for line in world.lines()[::-1]:
            kind, _, attempt, token, pid = line.split()
            if kind == 'start' and token not in killed and int(attempt) < 4:
                killed.add(token)
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
                return

    world.every(3 * world.scale, 0.3, act)
    run = world.submit(one_task('stubborn', 'x'), 'stubborn', expect='cancelled')
    world.until(20, 'it runs', lambda: os.path.exists(pids) and os.path.getsize(pids) > 0)
    owner = world.owner()
    if world.http(owner, '/api/v1/runs/%s/cancel' % run, {})[0] != 200:
        raise Failed('it could not be cancelled')
    with open(pids) as lines:
        pid = int(lines.read().split()[0])
    took = world.until(20, 'it is killed', lambda: not os.path.exists('/proc/%d' % pid))
    join()
    world.numbers['kills'] = len(killed)
    return took


@row(11, 'a reeve-agent is stopped (SIGSTOP) for three leases, then goes on', LEASE + BEAT + 1)
def stopped_agent(world):
    world.overlap = True  # its command ran on while it could not be told
    world.start_all()
    run = world.submit(one_task('alpha', '%g 0' % (4 * LEASE)), 'alone')
    world.until(20, 'its agent is known', lambda: world.api('/api/v1/runs/' + run)['tasks'][0]['agent'])
    name = world.api('/api/v1/runs/' + run)['tasks'][0]['agent']
    holder = [a for a in world.agents if a.name == name][0]
    holder.stop()
    took = world.until(30, 'another agent has it', lambda: len(starts(world, run)) > 1)
    first = starts(world, run)[0].split()[4]
    world.pause(LEASE)
    holder.cont()
    world.until(20, 'its command is ended', lambda: not os.path.exists('/proc/' + first))
    return took


@row(13, 'agents with --on-disconnect kill lose Redis: no two attempts overlap', LEASE + BEAT + 2,
     quick=True)
def lost_agents(world):
    world.start_redis()
    world.start_daemon()
    proxy = Proxy(world.redis_socket + '.proxy', world.redis_socket)
    cut = world.start_agent('alpha', slots=1, redis=proxy.listen,
                            flags=('--on-disconnect', 'kill'))
    world.ready()
    run = world.submit(one_task('alpha', '%g 0' % (2 * LEASE)), 'alone')
    world.until(20, 'it is started', lambda: starts(world, run))
    world.until(20, 'its agent is known', lambda: world.api('/api/v1/runs/' + run)['tasks'][0]['agent'])
    world.start_agent('alpha', slots=1)
    proxy.mode = 'hole'
    pid = starts(world, run)[0].split()[4]
    gone = world.until(20, 'its command is killed', lambda: not os.path.exists('/proc/' + pid))
    world.until(30, 'another agent has it', lambda: len(starts(world, run)) > 1)
    proxy.mode = 'pass'
    world.finish()
    world.numbers['killed_after'] = round(gone, 2)
    if gone > 0.8 * LEASE * world.patience + 0.5:
        raise Failed('the command was killed after %.1f s' % gone)
    if not cut.alive():
        raise Failed('the agent ended')
    return gone


def poison(world, kinds):
    """Agents of these types are killed by each task that they take, and started again."""
    stop = threading.Event()
    agents = {k: world.start_agent(k, slots=1, command=shell('kill -9 $PPID; sleep 5')) for k in kinds}

    def again():
        while not stop.is_set():
            for kind, agent in list(agents.items()):
                if not agent.alive():
                    agents[kind] = world.start_agent(kind, slots=1, command=agent.again['command'])
            time.sleep(0.1)

    thread = threading.Thread(target=again, daemon=True)
    thread.start()

    def end():
        stop.set()
        thread.join(5)

    return end


@row(32, 'a task kills each agent that takes it; others go on', 3 * (LEASE + BEAT) + 10)
def poison_task(world):
    world.agent_type('deadly')
    world.start_all()
    end = poison(world, ['deadly'])
    join = world.load(dags=3, tasks=15)
    begin = time.monotonic()
    run = world.submit(one_task('deadly', 'x', retry={'max_attempts': 9, 'poison': 3}), 'deadly',
                       expect='failed')
    join()
    world.finish()
    took = time.monotonic() - begin
    end()
    task = world.api('/api/v1/runs/' + run)['tasks'][0]
    if task['error']['category'] != 'poison' or task['crashes'] != 3:
        raise Failed('category %s after %s crashes' % (task['error']['category'], task['crashes']))
    return took


@row(34, 'all agents of a type crash in a loop; other types do not suffer', 5)
def crash_loop(world):
    world.agent_type('deadly')
    world.start_all()
    end = poison(world, ['deadly'])
    for i in range(5):
        world.submit(one_task('deadly', 'x', retry={'max_attempts': 9, 'poison': 2}), 'deadly-%d' % i,
                     expect='failed')
    begin = time.monotonic()
    join = world.load(dags=2, tasks=10)
    join()
    good = {r['run'] for r in world.runs() if r['expect'] == 'succeeded'}
    world.until(30, 'the others end', lambda: all(
        world.api('/api/v1/runs/' + run)['status'] == 'succeeded' for run in good))
    took = time.monotonic() - begin
    world.finish(240)
    end()
    return took


@row(36, 'duplicate, reordered, late and forged reports', 2, quick=True)
def strange_reports(world):
    world.start_all()
    join = world.load(dags=4, tasks=20)
    client = Redis(world.redis_socket)
    done = 'reeve:{0}:done'
    seen, sent = [], 0
    end = time.monotonic() + 4 * world.scale
    last = '0-0'
    while time.monotonic() < end:
        for line in world.lines()[-20:]:
            kind, task, attempt, token, _ = line.split()
            run, name = task.split('/')
            seen.append((run, name, token))
        for run, name, token in world.random.sample(seen, min(len(seen), 5)):
            forged = '%016x' % world.random.getrandbits(64)
            old = dict(run=run, task=name, status='succeeded', token=token,
                       outputs='{"token":"%s"}' % token)
            for fields in (dict(old, token=forged), dict(old, run='nobody'), old):
                # the real token only of attempts that have ended well
                if fields is old and not any(line.startswith('end ') and token in line
                                             for line in world.lines()):
                    continue
                client.call('XADD', done, '*', *[x for pair in fields.items() for x in pair])
                sent += 1
        time.sleep(0.02)
    join()
    world.finish()
    world.numbers['strange'] = sent
    owner = world.owner()
    counted = sum(world.metric(owner, 'reeve_completions_total{result="%s"}' % r)
                  for r in ('duplicate', 'late', 'unknown', 'malformed'))
    if counted < sent * 0.5:
        raise Failed('%d strange reports were sent, %d were counted' % (sent, counted))
    return 0.0
