#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An agent in Python with nothing but the standard library (doc/protocol.md).

usage: python-agent.py TYPE ID [HOST:PORT | SOCKET]

Put your work into work(): it gets a task as a dict and returns the outputs.
This agent does not beat: its lease is the task's timeout, or an hour.
"""
import json
import os
import socket
import sys
import time


class Redis:
    """Just enough of RESP: a command is a list of texts, a reply is decoded."""

    def __init__(self, where):
        host, colon, port = where.rpartition(":")
        if colon and port.isdigit():
            self.sock = socket.create_connection((host, int(port)))
        else:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(where)
        self.file = self.sock.makefile("rb")

    def __call__(self, *words):
        words = [str(word).encode() for word in words]
        parts = [b"*%d\r\n" % len(words)]
        parts += [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
        self.sock.sendall(b"".join(parts))
        return self.reply()

    def reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest.decode()


def work(task):
    """Returns the outputs; an exception fails the attempt."""
    return {"length": str(len(task["body"])), "shout": task["body"].upper()}


def main(kind, me, where):
    redis = Redis(where)
    prefix = os.environ.get("REEVE_PREFIX", "reeve:") + \
        "{" + os.environ.get("REEVE_PARTITION", "0") + "}:"
    stream, group = prefix + "q:" + kind, kind + "_consumers"
    try:
        redis("XGROUP", "CREATE", stream, group, "$", "MKSTREAM")
    except RuntimeError as fault:
        if "BUSYGROUP" not in str(fault):
            raise
    start = "0"  # first what an earlier life of this agent left, then what is new
    while True:
        while start == ">" and redis("HEXISTS", prefix + "drains", me) == 1:
            time.sleep(5)  # drained: takes nothing new until somebody undrains it
        reply = redis("XREADGROUP", "GROUP", group, me, "COUNT", 1, "BLOCK", 2000,
                      "STREAMS", stream, start)
        entries = reply[0][1] if reply else []
        start = ">"
        for _, fields in entries:
            if not fields:
                continue  # deleted meanwhile
            task = dict(zip(fields[::2], fields[1::2]))
            report = {name: task[name] for name in ("run", "task", "token", "attempt")}
            try:
                report.update(status="done", outputs=json.dumps(work(task)))
            except Exception as fault:  # the attempt fails, the agent lives on
                report.update(status="failed", message=str(fault))
            report["agent"] = me
            redis("XADD", prefix + "done", "*", *sum(report.items(), ()))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) == 4 else "127.0.0.1:6379")
