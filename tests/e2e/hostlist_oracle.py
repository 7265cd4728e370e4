# SPDX-License-Identifier: GPL-2.0
"""Random node sets through our hostlist and through ClusterShell, which is what nodeset(1) is; prints TAP."""
import os
import random
import subprocess
import sys

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


def names_1d():
    """Names with one number or none, paddings mixed."""
    pre = rnd.choice(["node", "n", "gpu-", "a.b-x"])
    suf = rnd.choice(["", "", "-ib", ".site"])
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


def compare(what, make, exact, rounds):
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
        elif exact and f != str(o):
            other += 1
            first = first or (s, f, o)
    ok(not wrong and not other, "%d %s mean the same folded by us and by nodeset%s" %
       (rounds, what, ", to the letter" if exact else " (%d parts against %d)" % (mine, theirs)), "AJAR_SEED=%d" % seed, *first)
    if not exact:
        ok(mine <= theirs * 1.02, "and ours are not longer, all in all", mine, theirs)
    expanded = ours(["e " + s for s in sets])
    unequal = [(s, e) for s, e, o in zip(sets, expanded, oracle)
               if sorted(e.split()) != sorted(o) or (exact and e.split() != list(o))]
    ok(not unequal, "and expand to the same nodes%s" % (" in the same order" if exact else ""), *unequal[:1])


def refusals():
    texts = ["n[1-", "n[", "n]", "n[5-1]", "n[a-b]", "n[1-2", "n[]", "n[1,]", "a,,b", "a,", ",a", "a!", "!a", "n[1-2]]", "n[01-002]",
             "n[1-5/0]", "n[1/2]", "a&", "a^", "n[[1]]", "n[1"]
    both = []
    for t, f in zip(texts, ours(["f " + t for t in texts])):
        try:
            NodeSet(t)
            theirs = True
        except NodeSetParseError:
            theirs = False
        if f.startswith("!") == theirs:
            both.append((t, f, theirs))
    ok(not both, "what nodeset refuses is refused, and nothing else", *both)


compare("random lists of names", names_1d, True, rounds)
compare("random expressions of one dimension", lambda: expression(1), True, rounds)
compare("random expressions of two dimensions", lambda: expression(2), False, max(rounds // 20, 20))
compare("clusters with racks", grid, False, max(rounds // 5, 50))
refusals()
print("1..%d" % count)
sys.exit(bad > 0)
