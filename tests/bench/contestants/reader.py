"""Reads a balancer's feed and throws it away: `reader.py SOCKET`."""

import socket
import sys

with socket.socket(socket.AF_UNIX) as control:
    control.connect(sys.argv[1])
    control.sendall(b'{"do": "subscribe"}\n')
    while control.recv(1 << 20):
        pass
