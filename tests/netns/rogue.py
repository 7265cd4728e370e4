#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Doors that are not what they seem: rogue.py PORT=WHAT... listens on each port and does WHAT there, until it is killed.
Says "open" when all are open. Everything is bounded: a connection ends after ten seconds, and there are a hundred at most."""
import select
import socket
import sys
import time

BANNERS = {
    "ssh": b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n",
    "http": b"HTTP/1.0 200 OK\r\nServer: SimpleHTTP/0.6 Python/3.11.2\r\nContent-Length: 0\r\n\r\n",
    "xml": b"220 \"/></port><port protocol='tcp' portid='9999'><state state='open'/></port><!-- & ]]> &#0; FTP\r\n",
    "esc": b"220 \x1b]0;owned\x07\x1b[2J\x1b[31mhello\x00\xff\xfe FTP server ready\r\n",
    "html": b"220 <script>alert(1)</script><img src=x onerror=alert(2)> ESMTP Postfix\r\n",
    "sql": b"220 '); DROP TABLE nodes; -- \\' OR 1=1 ESMTP Exim 4.96\r\n",
    "long": b"220 " + b"A" * (1 << 20) + b" FTP\r\n",
    "mute": b"",
    "tarpit": b"",
}
SPEAKS_LAST = ("http",)  # after the other has said something


def listen(port, address="0.0.0.0"):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    s.listen(200)
    s.setblocking(False)
    return s


def accept(door, clients):
    try:
        c, _ = door[0].accept()
    except OSError:
        return
    if len(clients) >= 100:
        c.close()
        return
    c.setblocking(False)
    what = door[1]
    clients[c] = [what, b"" if what in SPEAKS_LAST else BANNERS[what], time.monotonic() + 10]


def serve_client(c, clients):
    try:
        data = c.recv(4096)
        if not data:
            raise OSError
        if clients[c][0] in SPEAKS_LAST:
            clients[c][1] = BANNERS[clients[c][0]]
            clients[c][2] = 0 # said what it has to say, it ends
        write(c, clients)
    except BlockingIOError:
        pass
    except OSError:
        clients.pop(c).clear()
        c.close()


def write(c, clients):
    state = clients.get(c)
    if state and state[1]:
        try:
            state[1] = state[1][c.send(state[1]):]
        except BlockingIOError:
            pass


def flap(doors, flaps, now):
    """What opens for 0.4 s and is closed for 0.4 s, again and again."""
    for port, f in flaps.items():
        if now < f["next"]:
            continue
        f["next"] = now + 0.4
        if f["door"]:
            doors.pop(f["door"])
            f["door"].close()
            f["door"] = None
        else:
            f["door"] = listen(port)
            doors[f["door"]] = (f["door"], "mute")


def main():
    doors, clients, flaps = {}, {}, {}
    for word in sys.argv[1:]:
        port, what = word.split("=")
        address = "127.0.0.1" if what.endswith("@lo") else "0.0.0.0"
        what = what.removesuffix("@lo")
        if what == "flap":
            flaps[int(port)] = {"door": None, "next": 0}
            continue
        s = listen(int(port), address)
        doors[s] = (s, what)
    print("open", flush=True)
    while True:
        flap(doors, flaps, time.monotonic())
        waiting = [c for c, state in clients.items() if state[1]]
        ready, writable, _ = select.select(list(doors) + list(clients), waiting, [], 0.1)
        for s in ready:
            if s in doors:
                accept(doors[s], clients)
            elif s in clients:
                serve_client(s, clients)
        for c in writable:
            if c in clients:
                try:
                    write(c, clients)
                except OSError:
                    clients.pop(c)
                    c.close()
        now = time.monotonic()
        for c in [c for c, state in clients.items() if state[2] < now and not (state[1] and state[2] == 0)]:
            clients.pop(c)
            c.close()


main()
