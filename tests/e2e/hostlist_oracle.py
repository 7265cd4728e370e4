# SPDX-License-Identifier: GPL-2.0
"""Random node sets through our hostlist, ClusterShell (which is what nodeset(1) is), Slurm's scontrol and pdsh; prints TAP."""
import os
import random
import subprocess
import sys
import tempfile

from ClusterShell.NodeSet import NodeSet, NodeSetParseError

rounds = int(sys.argv[2])
seed = int(os.environ.get("AJAR_SEED", random.randrange(1 << 30)))
rnd = random.Random(seed)
count = bad = 0


def ok(good, name, *why):
    global count, bad
    count += 1
    print("%s %d - %s" % ("ok" if good else "not ok", count, name))
    if not good:
        bad += 1
        for w in why:
            print("#   %s" % (w,))


def ours(lines):
    p = subprocess.run([sys.argv[1]], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    out = p.stdout.split("\n")[:-1]
    assert len(out) == len(lines), "one answer a line"
    return out


def number(top):
    n = rnd.randrange(top)
    return rnd.choice(["%d", "%d", "%02d", "%03d", "%04d"]) % n


def names_1d(suf=""):
    """Names with one number or none, paddings mixed."""
    pre = rnd.choice(["node", "n", "gpu-", "a.b-x"])
    top = rnd.choice([10, 30, 120, 1200])
    width = rnd.choice(["%d", "%03d", None])
    out = []
    for _ in range(rnd.randrange(1, 60)):
        out.append(pre + (width % rnd.randrange(top) if width else number(top)) + suf)
    for _ in range(rnd.randrange(3)):
        out.append(rnd.choice(["login", "mgmt", "head" + number(4), "x"]))
    rnd.shuffle(out)
    return ",".join(out)


def ranges(top):
    out = []
    for _ in range(rnd.randrange(1, 5)):
        lo = rnd.randrange(top)
        hi = lo + rnd.randrange(20)
        pad = rnd.choice([0, 0, 3])
        r = "%0*d" % (pad, lo)
        if rnd.random() < 0.7:
            r += "-%0*d" % (pad, hi)
            if rnd.random() < 0.2:
                r += "/%d" % rnd.randrange(1, 5)
        out.append(r)
    return ",".join(out)


def term(dims):
    return "-".join(rnd.choice(["n", "r"] if d == 0 else ["c"]) + "[%s]" % ranges(40) for d in range(dims))


def expression(dims):
    e = term(dims)
    for _ in range(rnd.randrange(4)):
        e += rnd.choice([",", ",", "!", "&", "^"]) + term(dims)
    return e


def grid():
    """Points of a cluster with racks and chassis: boxes, less some nodes."""
    dims = rnd.randrange(2, 4)
    top = [rnd.randrange(1, 6) for _ in range(dims)]
    out = set()
    for _ in range(rnd.randrange(1, 4)):
        box = [sorted(rnd.sample(range(8), t)) for t in top]
        points = [()]
        for axis in box:
            points = [p + (v,) for p in points for v in axis]
        out.update(points)
    out = [p for p in out if rnd.random() > 0.05] or list(out)
    return ",".join("-".join("%s%0*d" % ("rcn"[i], 2 if i == 1 else 1, v) for i, v in enumerate(p)) for p in out)


def boxes(text):
    """How many comma-separated parts outside brackets."""
    depth = n = 0
    for c in text:
        depth += (c == "[") - (c == "]")
        n += c == "," and not depth
    return n + 1 if text else 0


def names_behind():
    """Names with letters behind the number: Slurm has no brackets for them."""
    return names_1d(rnd.choice(["-ib", ".site", ".site2.org", "b3x"]))


def compare(what, make, exact, rounds, longer=False):
    sets = [make() for _ in range(rounds)]
    oracle = [NodeSet(s) for s in sets]
    folded = ours(["f " + s for s in sets])
    wrong = other = mine = theirs = 0
    first = ()
    for s, o, f in zip(sets, oracle, folded):
        mine += boxes(f)
        theirs += boxes(str(o))
        if NodeSet(f) != o or ("," in f and len(NodeSet(f)) != sum(1 for _ in o)):
            wrong += 1
            first = first or (s, f, o)
        elif exact and f != str(o) and "99-1" not in f:  # it has 999,1000 where another name is padded
            other += 1
            first = first or (s, f, o)
    ok(not wrong and not other, "%d %s mean the same folded by us and by nodeset%s" %
       (rounds, what, ", to the letter" if exact else " (%d parts against %d)" % (mine, theirs)), "AJAR_SEED=%d" % seed, *first)
    if not exact and not longer:
        ok(mine <= theirs * 1.02, "and ours are not longer, all in all", mine, theirs)
    expanded = ours(["e " + s for s in sets])
    unequal = [(s, e) for s, e, o in zip(sets, expanded, oracle)
               if sorted(e.split()) != sorted(o) or (exact and e.split() != list(o))]
    ok(not unequal, "and expand to the same nodes%s" % (" in the same order" if exact else ""), *unequal[:1])


def refusals():
    # What Slurm and pdsh take and ClusterShell does not: empty places, and ends of other widths.
    slurms = {"a,,b", "a,", ",a", "n[01-002]", "n[08-120]", "n[8-010]"}
    # What ClusterShell takes for a name and nobody has as one.
    patterns = {"n*", "n?", "(null)", "n{1-3}", "n1,(null)"}
    texts = ["n[1-", "n[", "n]", "n[5-1]", "n[a-b]", "n[1-2", "n[]", "n[1,]", "a!", "!a", "n[1-2]]",
             "n[1-5/0]", "n[1/2]", "a&", "a^", "n[[1]]", "n[1", "a,!b"] + sorted(slurms) + sorted(patterns)
    both = []
    for t, f in zip(texts, ours(["f " + t for t in texts])):
        try:
            NodeSet(t)
            theirs = True
        except NodeSetParseError:
            theirs = False
        want = True if t in slurms else False if t in patterns else theirs
        if f.startswith("!") == want:
            both.append((t, f, theirs))
    ok(not both, "what nodeset refuses is refused, but for what Slurm takes; so are patterns", *both)


def hostnames(text):
    """What Slurm makes of a set; None: it refuses it."""
    p = subprocess.run(["scontrol", "show", "hostnames", text], capture_output=True, text=True, env=slurm)
    return p.stdout.split() if p.returncode == 0 and "nvalid" not in p.stdout + p.stderr else None


def scontrol(rounds):
    """What we print goes into scontrol and pdsh, what scontrol prints comes back."""
    makers = (names_1d, names_behind, lambda: expression(1), lambda: expression(2), grid, lambda: expression(3))
    sets = [makers[i % len(makers)]() for i in range(rounds)]
    sets = [s for s in sets if len(NodeSet(s))]
    folded, expanded = ours(["f " + s for s in sets]), ours(["e " + s for s in sets])
    # An argument has 128 KiB.
    both = [(f, sorted(e.split())) for f, e in zip(folded, expanded) if len(e) < 100000]
    wrong = [(f, got) for f, e in both for got in [hostnames(f)] if got is None or sorted(got) != e]
    ok(not wrong, "%d printed sets: scontrol takes each and means the same" % len(both), "AJAR_SEED=%d" % seed, *wrong[:2])
    wrong = []
    for f, e in both[:rounds // 2]:
        theirs = subprocess.run(["scontrol", "show", "hostlist", ",".join(e)], capture_output=True, text=True, env=slurm).stdout.strip()
        if sorted(ours(["e " + theirs])[0].split()) != e:
            wrong.append((theirs, e))
    ok(not wrong, "and what scontrol prints of them we read as the same", *wrong[:2])
    texts = ["n[1-3],", ",n1", "n1,,n2", "n[08-120]", "n[8-010]", "n[09-010]", "n[00-1]", "n[000-002]", "n[1-3]x[1-2]", "n[1-2][3-4]",
             "n[1-2] n3", "[1-3]", "5", "10.0.0.[1-3]", "fe80::[1-2]", "a[1-2]b[3]c[4]", "n[01,2,003]", "n[1-65536]"]
    wrong = [(t, m) for t, m in zip(texts, ours(["e " + t for t in texts])) if sorted(m.split()) != sorted(set(hostnames(t)))]
    ok(not wrong, "what Slurm takes we take for the same nodes", *[(t, m[:200], hostnames(t)[:9]) for t, m in wrong])
    wrong = []
    for t, m in zip(texts[:-1], ours(["e " + t for t in texts[:-1]])):
        p = subprocess.run(["pdsh", "-R", "exec", "-w", t, "echo", "%h"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if sorted(set(line.split()[-1] for line in p.stdout.splitlines())) != sorted(m.split()) and t.count("[") < 3:  # pdsh knows two pairs of brackets
            wrong.append((t, m[:200], p.stdout[:200]))
    ok(not wrong, "and so does pdsh", *wrong)


compare("random lists of names", names_1d, True, rounds)
compare("random expressions of one dimension", lambda: expression(1), True, rounds)
compare("random expressions of two dimensions", lambda: expression(2), False, max(rounds // 20, 20))
compare("clusters with racks", grid, False, max(rounds // 5, 50))
compare("random lists of names with letters behind the number", names_behind, False, max(rounds // 10, 50), longer=True)
refusals()
with tempfile.TemporaryDirectory() as tmp:
    conf = os.path.join(tmp, "slurm.conf")
    with open(conf, "w") as f:
        f.write("ClusterName=x\nSlurmctldHost=localhost\nNodeName=n1\nPartitionName=p Nodes=ALL\n")
    slurm = dict(os.environ, SLURM_CONF=conf)
    scontrol(min(max(rounds // 10, 60), 2000))
print("1..%d" % count)
sys.exit(bad > 0)
