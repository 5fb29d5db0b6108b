# SPDX-License-Identifier: MIT
"""Row 50: the floors that were asked for, measured with the default lease of 15 s."""
import json

from rows_agents import one_task, starts
from table import row
from world import Failed

FLOORS = (('recovery', 30), ('dead_letter', 10), ('join', 1))


@row(50, 'floors with a lease of 15 s: recovery < 30 s, dead letter < 10 s, join < 1 s', 30)
def floors(world):
    world.agent_type('plain', lease='15s')
    world.start_redis()
    world.start_daemon()
    world.ready()
    run = world.submit(one_task('plain', '20 0'), 'held')
    took = {}
    # an agent that joins has its first task
    world.start_agent('plain', slots=1)
    took['join'] = world.until(30, 'it has its first task', lambda: starts(world, run))
    # a task that failed for good is a dead letter
    bad = world.submit(json.dumps({'name': 'bad', 'tasks': [
        {'id': 'only', 'agent': 'plain', 'prompt': '0 9'}]}), 'bad', expect='failed')
    helper = world.start_agent('plain', slots=1)
    world.until(30, 'it fails', lambda: any(line.startswith('fail ' + bad) for line in world.lines()))
    took['dead_letter'] = world.until(30, 'it is a dead letter',
                                      lambda: world.call('XLEN', 'reeve:{0}:q:plain:dlq'))
    # a task of an agent that died is with another
    world.until(30, 'its agent is known', lambda: world.api('/api/v1/runs/' + run)['tasks'][0]['agent'])
    name = world.api('/api/v1/runs/' + run)['tasks'][0]['agent']
    holder = [a for a in world.agents if a.name == name][0]
    if holder is helper:
        raise Failed('the helper has the long task')
    holder.kill()
    took['recovery'] = world.until(60, 'another agent has it', lambda: len(starts(world, run)) > 1)
    for name, bound in FLOORS:
        world.numbers[name] = round(took[name], 2)
        if took[name] > bound * world.patience:
            raise Failed('%s took %.1f s, the floor is %d s' % (name, took[name], bound))
    return took['recovery']
