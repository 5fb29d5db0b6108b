# SPDX-License-Identifier: MIT
"""An agent in this process that does nothing, quickly: for rows with tens of thousands of tasks."""
import threading

from resp import Redis, RedisError

DONE = 'reeve:{0}:done'


class FastAgent:
    """Reads its type's stream in batches and reports each task as succeeded at once."""

    def __init__(self, world, kind, name='fast', batch=256, delay=None):
        self.world, self.kind, self.name, self.batch, self.delay = world, kind, name, batch, delay
        self.done, self.order, self.error = 0, [], None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def end(self):
        self.stop.set()
        self.thread.join(10)
        if self.error:
            raise self.error

    def _take(self, client):
        key, group = 'reeve:{0}:q:' + self.kind, self.kind + '_consumers'
        try:
            return client.call('XREADGROUP', 'GROUP', group, self.name, 'COUNT', self.batch, 'BLOCK',
                               '200', 'STREAMS', key, '>')
        except RedisError as error:
            if 'NOGROUP' not in str(error):
                raise
            self.stop.wait(0.05)
            return None

    def _run(self):
        client = Redis(self.world.redis_socket, timeout=30)
        try:
            while not self.stop.is_set():
                reply = self._take(client)
                if not reply:
                    continue
                commands = []
                for _, fields in reply[0][1]:
                    entry = dict(zip(fields[::2], fields[1::2]))
                    self.order.append(entry[b'task'].decode())
                    commands.append(('XADD', DONE, '*', 'run', entry[b'run'], 'task',
                                     entry[b'task'], 'token', entry[b'token'], 'status',
                                     'succeeded', 'agent', self.name))
                for result in client.pipeline(commands):
                    if isinstance(result, RedisError):
                        raise result
                self.done += len(commands)
                if self.delay:
                    self.stop.wait(self.delay)
        except (OSError, RedisError) as error:
            self.error = error
