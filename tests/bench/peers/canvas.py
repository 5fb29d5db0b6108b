# SPDX-License-Identifier: MIT
"""Celery's canvas on the workloads of `reeve bench`: the worker's module, and the producer.

    PEER_REDIS=URL PEER_RECORDS=FILE celery -A canvas worker …
    PEER_REDIS=URL python3 canvas.py

The producer says "ready", reads lines of JSON, {"workload": "W1", "size": N, "width": N}, and
answers each with {"begun_ns": …}, the moment before its first submission.  The worker appends
a record to the file for each task that was executed and whose result was stored: its index,
when its body began and ended, and when its result had been stored; four 64-bit numbers,
nanoseconds of CLOCK_MONOTONIC.
"""
import json
import os
import struct
import sys
import time

from celery import Celery, chain, group
from celery.signals import task_postrun

URL = os.environ['PEER_REDIS']
app = Celery('canvas', broker=URL, backend=URL)
app.conf.update(
    task_serializer='json', result_serializer='json', accept_content=['json'],
    task_acks_late=True, worker_prefetch_multiplier=64, task_send_sent_event=False,
    worker_send_task_events=False, task_track_started=False, result_expires=None,
    worker_hijack_root_logger=False)
body = {}  # of the task that this process executes: when it began and ended


@app.task(name='t')
def noop(index):
    body['begun'] = body['ended'] = time.monotonic_ns()


if 'PEER_RECORDS' in os.environ:
    records = os.open(os.environ['PEER_RECORDS'], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    @task_postrun.connect
    def recorded(args=None, **_):
        os.write(records, struct.pack('<4q', args[0], body['begun'], body['ended'],
                                      time.monotonic_ns()))


def task(index):
    return noop.si(index)


def tasks(begin, count):
    return group(task(i) for i in range(begin, begin + count))


def singles(size, width):
    with app.producer_pool.acquire(block=True) as producer:
        for i in range(size):
            noop.apply_async((i,), producer=producer)


def fans(size, width):
    """size runs of 1 -> width -> 1; a group in front of a task becomes a chord."""
    for run in range(size):
        first = run * (width + 2)
        chain(task(first), tasks(first + 1, width), task(first + width + 1)).apply_async()


WORKLOADS = {
    'W1': singles,
    'W1b': lambda size, width: tasks(0, size).apply_async(),
    'W2': lambda size, width: chain(*(task(i) for i in range(size))).apply_async(),
    'W3': fans,
    'W4': fans,
}


def main():
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=100, interval_start=0.05, interval_step=0)
    print('ready', flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        begun = time.monotonic_ns()
        WORKLOADS[asked['workload']](asked['size'], asked['width'])
        print(json.dumps({'begun_ns': begun}), flush=True)


if __name__ == '__main__':
    main()
