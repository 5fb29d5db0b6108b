# SPDX-License-Identifier: MIT
"""A small Redis client: one connection, no retries, so that faults show."""
import socket


class RedisError(Exception):
    """An error reply."""


class Redis:
    """redis = Redis(path); redis.call('PING') -> b'PONG'.  Replies are bytes, ints, lists."""

    def __init__(self, path, timeout=10):
        self.path, self.timeout, self.sock = path, timeout, None

    def close(self):
        if self.sock:
            self.sock.close()
        self.sock = None

    def _open(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)
        self.file = self.sock.makefile('rb')

    def send(self, *args):
        parts = [b'*%d\r\n' % len(args)]
        for arg in args:
            arg = arg if isinstance(arg, bytes) else str(arg).encode()
            parts.append(b'$%d\r\n%s\r\n' % (len(arg), arg))
        self.sock.sendall(b''.join(parts))

    def read(self):
        line = self.file.readline()
        if not line.endswith(b'\r\n'):
            raise ConnectionError('redis closed the connection')
        kind, rest = line[:1], line[1:-2]
        if kind == b'+':
            return rest
        if kind == b'-':
            return RedisError(rest.decode(errors='replace'))
        if kind == b':':
            return int(rest)
        if kind == b'$':
            size = int(rest)
            return None if size < 0 else self.file.read(size + 2)[:-2]
        if kind == b'*':
            return None if int(rest) < 0 else [self.read() for _ in range(int(rest))]
        raise ConnectionError('not a reply: %r' % line[:40])

    def call(self, *args):
        try:
            if not self.sock:
                self._open()
            self.send(*args)
            reply = self.read()
        except (OSError, ValueError):
            self.close()
            raise
        if isinstance(reply, RedisError):
            raise reply
        return reply

    def pipeline(self, commands):
        """All replies of many commands; error replies are values."""
        if not self.sock:
            self._open()
        for command in commands:
            self.send(*command)
        return [self.read() for _ in commands]
