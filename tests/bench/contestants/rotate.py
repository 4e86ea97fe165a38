"""A closed-loop client with N connections of which W wait for an answer: `rotate.py PORT N W SECONDS HEAD`.

wrk asks on all its connections at once. Here each connection rests between its requests, as browsers' do, so that the
cost of having many can be told from the cost of serving many at once. Prints `ready` when every connection has had an
answer, goes on at a line from stdin, and prints the number of answers. On epoll directly, to leave the core to others.
"""

import select
import socket
import sys
import time
from collections import deque

port, connections, window, seconds = (int(word) for word in sys.argv[1:5])
request = sys.argv[5].encode("latin-1")
socks: dict[int, socket.socket] = {}
for _ in range(connections):
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    socks[sock.fileno()] = sock
turns = deque(socks.values())
poller = select.epoll()
for fd in socks:
    poller.register(fd, select.EPOLLIN)


def ask() -> None:
    turns[0].send(request)
    turns.rotate(-1)


def answered() -> int:
    events = poller.poll(1)
    for fd, _ in events:
        data = socks[fd].recv(65536)
        if not data.startswith(b"HTTP/1.1 200"):
            sys.exit(f"unexpected answer: {data[:200]!r}")
        ask()
    return len(events)


for _ in range(min(window, connections)):
    ask()
warm = 0
while warm < connections:
    warm += answered()
print("ready", flush=True)
sys.stdin.readline()
answers, end = 0, time.monotonic() + seconds
while time.monotonic() < end:
    answers += answered()
print(answers)
