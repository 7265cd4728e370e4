# SPDX-License-Identifier: GPL-2.0
"""peak.py FILE PROGRAM [ARG...]: runs it, ends as it does, and writes its exit status and the most memory it held (KiB) to FILE.

The kernel says so when the program is reaped: what is read from /proc is too early, or gone.
"""
import os
import signal
import subprocess
import sys

child = subprocess.Popen(sys.argv[2:])
for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(s, lambda signo, frame: child.send_signal(signo))
_, status, usage = os.wait4(child.pid, 0)
code = os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
with open(sys.argv[1] + ".new", "w") as f:
    print(code, usage.ru_maxrss, file=f)
os.rename(sys.argv[1] + ".new", sys.argv[1])
sys.exit(code)
