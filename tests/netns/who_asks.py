#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Counts who asks whom, from the wire: who_asks.py OUT PREFIX, in the namespace with the bridge; ends with SIGTERM.

Every TCP SYN to a node is taken with its time. OUT gets, a line for each node: NODE SYNS SCANNERS TURNS OVERLAPS. A turn is a run of
SYNs by one scanner. An overlap is a turn that begins between two SYNs of another scanner that are less than half a second apart: two
ask a node at one time. One that begins right after another's last SYN is none: on a fast machine a node is handed on in 40 ms."""
import collections
import signal
import socket
import struct
import sys
import time

TOGETHER_S = 0.5
out, prefix = sys.argv[1], sys.argv[2]
seen = collections.defaultdict(list)
going = [True]
signal.signal(signal.SIGTERM, lambda *_: going.clear())
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # before the bridge takes it
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUFFORCE if hasattr(socket, "SO_RCVBUFFORCE") else 33, 64 << 20)
s.settimeout(0.1)
print("up", flush=True)
while going:
    try:
        frame, where = s.recvfrom(128)
    except (TimeoutError, socket.timeout):
        continue
    ip = frame[14:]
    # In from a port of the bridge, not out of one: each frame passes both.
    if where[2] == socket.PACKET_OUTGOING or not where[0].startswith("v") or len(ip) < 40 or frame[12:14] != b"\x08\x00" or ip[9] != 6 or ip[33] & 0x12 != 0x02:
        continue
    seen[socket.inet_ntoa(ip[16:20])].append((time.monotonic(), socket.inet_ntoa(ip[12:16]), struct.unpack("!H", ip[22:24])[0]))


def asks_again(later, who, before):
    """whether that scanner's next SYN is less than TOGETHER_S after the one before"""
    return next((at - before < TOGETHER_S for at, w, _ in later if w == who), False)


with open(out, "w", encoding="ascii") as f:
    for node, syns in sorted(seen.items()):
        turns = overlaps = 0
        for i, (_, who, _) in enumerate(syns):
            if i and who == syns[i - 1][1]:
                continue
            turns += 1
            overlaps += i > 0 and asks_again(syns[i:], syns[i - 1][1], syns[i - 1][0])
        if node.startswith(prefix):
            f.write(f"{node} {len(syns)} {len({w for _, w, _ in syns})} {turns} {overlaps}\n")
