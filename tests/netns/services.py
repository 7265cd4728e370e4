#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Services of a test's node, good and hostile: services.py KIND PORT...; says "up" when all listen. Ends when it is killed.

mute: accepts, says nothing. hung: a queue of one, never accepts. udp: bound, never answers. xml, escapes, html, sql: banners that hope
for somebody careless. long: a line of 1 MiB. drip: a byte a second. tarpit: accepts, reads, says nothing, and lets nobody go.
endless: an answer to each probe, for ever. tls: begins a handshake and never ends it. drop: as mute, then it is for nft to drop."""
import select
import socket
import sys
import threading

BANNERS = {
    "xml": b'220 "/><host><address addr="10.251.0.1" addrtype="ipv4"/></host><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>&e;]]>\r\n',
    "escapes": b"SSH-2.0-\x1b[2J\x1b]0;owned\x07\x1b[31m\xe2\x80\xae\x00\x9b31m\r\n",
    "html": b"220 <script>alert(1)</script><img src=x onerror=alert(1)> FTP server ready\r\n",
    "sql": b"220 '); DROP TABLE scan_ports; -- ProFTPD 1.3.5 Server ready\r\n",
    "long": b"SSH-2.0-" + b"A" * (1 << 20) + b"\r\n",
}
HELLO = bytes.fromhex("160303ffff0200fffb0303")  # a TLS record that promises 64 KiB


def talk(kind, c):
    """One client, in a thread of its own."""
    try:
        c.settimeout(120)
        if kind in BANNERS:
            c.sendall(BANNERS[kind])
            while c.recv(4096):
                pass
        elif kind == "drip":
            while True:
                c.sendall(b"x")
                threading.Event().wait(1)
        elif kind == "endless":
            while c.recv(4096):
                c.sendall(b"\x00\xffwhat was that? say it again\r\n")
        elif kind == "tls":
            c.recv(4096)
            c.sendall(HELLO)
            while True:
                c.sendall(b"\x00")
                threading.Event().wait(1)
        else:
            while c.recv(4096):
                pass
    except OSError:
        pass
    c.close()


def main():
    kind, ports = sys.argv[1], [int(p) for p in sys.argv[2:]]
    proto = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
    held = []
    for port in ports:
        s = socket.socket(socket.AF_INET6, proto)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("::", port))
        if kind != "udp":
            s.listen(1 if kind == "hung" else 256)
        held.append(s)
    print("up", flush=True)
    if kind in ("udp", "hung"):
        threading.Event().wait()
    while True:
        for s in select.select(held, [], [])[0]:
            c, _ = s.accept()
            threading.Thread(target=talk, args=(kind, c), daemon=True).start()


main()
