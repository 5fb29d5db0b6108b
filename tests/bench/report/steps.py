# SPDX-License-Identifier: MIT
"""The steps of the report: what each runs, and about how long it takes on two cores.

The order is that of the measurements: what has a target comes first.  A program prints its
result as JSON, or as what `parse` reads; its exit code is kept but does not matter if it did.
"""
import json
import os
import re
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))

# argv and quick: of the folder of programs, the second for a smoke test of all steps
Step = namedtuple('Step', 'name about seconds argv quick parse')
Step.__new__.__defaults__ = (json.loads,)


def bench(*args):
    return lambda top: [os.path.join(top, 'reeve'), 'bench', '--json', *args]


def peers(*args):
    return lambda top: [os.path.join(HERE, '..', 'peers', 'run'), '--top', top, '--json', '-',
                        *args]


def both(name, about, seconds, args, quick):
    return Step(name, about, seconds, bench(*args.split()), bench(*quick.split()))


def instructions(text):
    """What `make check-instructions` prints; ValueError where it counted nothing."""
    text = text.decode(errors='replace')
    acts = re.findall(r'^(\S+) +(\d+) of +(\d+) .*?(\d+) of +(\d+)', text, re.MULTILINE)
    flat = re.findall(r'^(\S+) +(\d+) at (\S+), +(\d+) at (\S+): ([+-][\d.]+) %', text,
                      re.MULTILINE)
    if not acts and not flat:
        raise ValueError
    return {'acts': [dict(zip(('act', 'engine', 'engine_ceiling', 'store', 'store_ceiling'),
                              (act[0], *map(int, act[1:])))) for act in acts],
            'flat': [{'part': part, 'few': int(few), 'few_at': few_at, 'many': int(many),
                      'many_at': many_at, 'percent': float(percent)}
                     for part, few, few_at, many, many_at, percent in flat]}


def make(target):
    return lambda top: ['make', '-s', '-C', top, target]


SMALL = ' --scale 0.01 --repeat 1'

STEPS = (
    both('limit', 'every workload beside the raw limit, unix socket', 170, '--repeat 31', SMALL),
    both('tcp', 'the same over TCP', 180, '--tcp --repeat 31', '--tcp' + SMALL),
    Step('peers', 'the same workloads with BullMQ and Celery, in turn', 330,
         peers('--repeat', '7', '--celery-scale', '0.3', '--peers',
               'bullmq,celery,celery-prefork2'),
         peers('--quick')),
    both('steady', 'a steady load of 10, 50 and 80 % of the capacity', 140,
         '--load 10,50,80 --repeat 7', '--load 10,50' + SMALL),
    both('awake', 'half load, and a chain, while idle cores are kept from sleeping', 120,
         '--awake --load 50 --workload W2 --repeat 9', '--awake --load 50 --workload W2' + SMALL),
    both('recovery', 'a restart with live tasks behind it', 60,
         '--recovery 100000,1000000 --repeat 3', '--recovery 10000,20000 --repeat 1'),
    both('growth', 'live tasks, agents, runs and graphs that grow', 300,
         '--growth live,agents,runs,dag,idle --repeat 5',
         '--growth live,agents,runs,dag,idle --max 1000 --repeat 1'),
    Step('instructions', 'instructions a task, counted by callgrind', 60,
         make('check-instructions'), make('check-instructions'), instructions),
    both('spawn', 'a process for each task', 110, '--spawn --scale 0.2 --repeat 7', '--spawn' + SMALL),
    both('aof', 'the append-only file', 70, '--appendfsync no,everysec,always --repeat 3',
         '--appendfsync no,everysec' + SMALL),
    both('payload', 'what each task carries', 100, '--payload 0,1k,16k --repeat 3',
         '--payload 0,1k' + SMALL),
    both('agents', 'agents that share the work', 60, '--agents 1,8,64 --repeat 3',
         '--agents 1,2' + SMALL),
    both('partitions', 'partitions of the state', 60, '--partitions 1,2,4 --repeat 3',
         '--partitions 1,2' + SMALL),
    both('source', 'submissions that carry their YAML', 25,
         '--source --workload W1,W3,W4 --repeat 3', '--source --workload W1' + SMALL),
    both('floors', 'what must hold on any machine', 70, '--floors', '--floors'),
)
NAMES = tuple(step.name for step in STEPS)
