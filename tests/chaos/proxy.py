# SPDX-License-Identifier: MIT
"""A proxy between a program and Redis that loses, delays and cuts what a row asks for."""
import os
import selectors
import socket
import threading
import time


class Link:
    def __init__(self, client, server):
        self.client, self.server, self.replied = client, server, 0


class Proxy:
    """mode: 'pass', 'hole' (nothing passes), 'delay' (seconds), 'trickle' (1 byte a read),
    'cut' (each connection ends after `cut_at` bytes of replies).  on_command(data) is called
    with what goes to Redis; it may return 'cut-before' or 'cut-after'."""

    def __init__(self, listen, target):
        self.listen, self.target = listen, target
        self.mode, self.delay, self.cut_at, self.cuts = 'pass', 0.0, 0, 0
        self.on_command = None
        self.links, self.doomed = {}, set()
        self.selector = selectors.DefaultSelector()
        self.server = socket.socket(socket.AF_UNIX)
        if os.path.exists(listen):
            os.unlink(listen)
        self.server.bind(listen)
        self.server.listen(64)
        self.selector.register(self.server, selectors.EVENT_READ)
        self.ending = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def end(self):
        self.ending = True
        self.thread.join(5)
        for link in list(self.links.values()):
            self._close(link)
        self.server.close()

    def _close(self, link):
        for sock in (link.client, link.server):
            if sock in self.links:
                self.selector.unregister(sock)
                del self.links[sock]
            sock.close()
        self.doomed.discard(link)

    def _accept(self):
        client, _ = self.server.accept()
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(self.target)
        except OSError:
            client.close()
            server.close()
            return
        link = Link(client, server)
        for sock in (client, server):
            self.links[sock] = link
            self.selector.register(sock, selectors.EVENT_READ)

    def _pass(self, sock):
        link = self.links[sock]
        to_redis = sock is link.client
        size = 1 if self.mode == 'trickle' and not to_redis else 65536
        try:
            data = sock.recv(size)
        except OSError:
            data = b''
        if not data:
            self._close(link)
            return
        verdict = self.on_command(data) if to_redis and self.on_command else None
        if verdict == 'cut-before':
            self._close(link)
            return
        if verdict == 'cut-after':
            self.doomed.add(link)
        if not to_redis and link in self.doomed:
            self._close(link)
            return
        if self.delay:
            time.sleep(self.delay)
        if self.mode == 'cut' and not to_redis:
            left = self.cut_at - link.replied
            link.replied += len(data)
            data = data[:max(left, 0)]
        try:
            (link.server if to_redis else link.client).sendall(data)
        except OSError:
            self._close(link)
            return
        if self.mode == 'cut' and link.replied >= self.cut_at:
            self.cuts += 1
            self._close(link)

    def _run(self):
        while not self.ending:
            if self.mode == 'hole':
                time.sleep(0.02)
                continue
            for key, _ in self.selector.select(0.05):
                if key.fileobj is self.server:
                    self._accept()
                elif key.fileobj in self.links:
                    self._pass(key.fileobj)
