#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The document of the API against a server: api_document.py http://ADDRESS COOKIE. Run from the top of the tree.

Each path is asked for with the examples of its parameters, and each object of the answers must have the fields that the document
demands, none that it does not know, and of its types. Routes are held against the server's table, names of fields against the
sources, both ways. Prints what differs, and nothing when all is well.
"""
import glob
import json
import re
import sys
import urllib.error
import urllib.request

AT, COOKIE = sys.argv[1], sys.argv[2]
DOC = json.load(open("deploy/api/openapi.json", encoding="utf-8"))
WRITERS = ["user/view/%s.c" % n for n in ("event_json", "alert_json", "alert_story", "node_json", "node_ports", "node_health",
                                          "profile_json", "scan_json", "executable")]
TYPES = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict, "null": type(None)}
OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
wrong = []


def is_type(v, name):
    return isinstance(v, TYPES[name]) and not (name == "integer" and isinstance(v, bool))


def resolve(schema):
    while "$ref" in schema:
        schema = DOC["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def check(v, schema, where):
    """What is wrong with it, as a list."""
    schema = resolve(schema)
    if "anyOf" in schema:
        tries = [check(v, s, where) for s in schema["anyOf"]]
        return min(tries, key=len)
    types = schema.get("type", [])
    types = types if isinstance(types, list) else [types]
    if not any(is_type(v, t) for t in types):
        return ["%s is %s, not %s" % (where, json.dumps(v)[:40], " or ".join(types))]
    out = []
    if v not in schema.get("enum", [v]):
        out.append("%s is %s, which is not documented" % (where, json.dumps(v)))
    if isinstance(v, str) and schema.get("format") == "date-time" and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", v):
        out.append("%s is no time: %s" % (where, v))
    if isinstance(v, list):
        for item in v:
            out += check(item, schema["items"], where + "[]")
    if isinstance(v, dict):
        known = schema["properties"]
        out += ["%s.%s is not documented" % (where, k) for k in v if k not in known]
        out += ["%s.%s is missing" % (where, k) for k in schema.get("required", []) if k not in v]
        for k in v:
            if k in known:
                out += check(v[k], known[k], where + "." + k)
    return out


def ask(path, method="GET", cookie=COOKIE, body=None, **headers):
    headers = {k.replace("_", "-"): v for k, v in headers.items()}
    if cookie:
        headers["Cookie"] = cookie
    rq = urllib.request.Request(AT + "/api/v1" + path, body, headers, method=method)
    try:
        with OPEN(rq, timeout=20) as a:
            return a.status, json.loads(a.read())
    except urllib.error.HTTPError as e:
        return e.code, json.loads(e.read())


def schema_of(path, method, code):
    answer = DOC["paths"][path][method]["responses"].get(str(code))
    if not answer:
        wrong.append("%s %s: a %d is not documented" % (method, path, code))
        return None
    return answer["content"]["application/json"]["schema"]


def expect(code, path, target, method="GET", **more):
    got, answer = ask(target, method, **more)
    if got != code:
        wrong.append("%s %s: %d, not %d: %s" % (method, target, got, code, json.dumps(answer)[:100]))
    # A path answers to a method that it does not have by a 405 that is documented at the one it has.
    documented = method.lower() if method.lower() in DOC["paths"][path] else sorted(DOC["paths"][path])[0]
    schema = schema_of(path, documented, got)
    if schema:
        wrong.extend(check(answer, schema, path))
    return answer


def walk(schema, names):
    if isinstance(schema, dict):
        for key, v in schema.get("properties", {}).items():
            names.add(key)
        for v in schema.values():
            walk(v, names)
    elif isinstance(schema, list):
        for v in schema:
            walk(v, names)


def hold_routes():
    table = set()
    text = open("user/web/api.c", encoding="utf-8").read()
    for name, named, fn, post in re.findall(r'^\t\{ "(\w+)", (\w+), \w+, (\w+), (\w+) \},$', text, re.M):
        path = "/" + name + ("/{}" if named == "true" else "")
        table |= {(path, m) for m, f in (("get", fn), ("post", post)) if f != "NULL"}
    documented = {(re.sub(r"\{\w+\}", "{}", p), m) for p, methods in DOC["paths"].items() for m in methods}
    wrong.extend("the route %s %s is not documented" % (m, p) for p, m in sorted(table - documented))
    wrong.extend("the documented route %s %s is not there" % (m, p) for p, m in sorted(documented - table))
    if len(table) < 10:
        wrong.append("the table of routes cannot be read")


def hold_names():
    documented, written, said = set(), set(), set()
    walk(DOC["components"], documented)
    walk(DOC["paths"], documented)
    for name in WRITERS + glob.glob("user/web/*.c"):
        text = open(name, encoding="utf-8").read()
        said |= set(re.findall(r'"(\w+)"', text))
        written |= set(re.findall(r'\b(?:writer|jsonw|put|view|id)_\w+\(\s*[^,()]+,\s*"(\w+)"', text))
    said |= set(re.findall(r'"(\w+)"', open("user/audit/health.c", encoding="utf-8").read()))
    said |= set(re.findall(r'"(\w+)"', open("user/core/finding.c", encoding="utf-8").read()))
    written.remove("change")  # of what webhooks get, beside the alert
    wrong.extend("the field %s is written and not documented" % n for n in sorted(written - documented))
    wrong.extend("the field %s is documented, and nobody writes it" % n for n in sorted(documented - said))
    if len(written) < 80:
        wrong.append("the fields that are written cannot be found")


def hold_answers():
    first = {"/nodes/{name}": ("/nodes?limit=1", "node"), "/profiles/{name}": ("/profiles", "class"), "/alerts/{id}": ("/alerts?status=all&limit=1", "id")}
    for path, methods in DOC["paths"].items():
        if "get" not in methods or path in ("/stream", "/requests/{id}"):
            continue
        o, target = methods["get"], path
        if path in first:
            name = ask(first[path][0])[1]["items"][0][first[path][1]]
            target = re.sub(r"\{\w+\}", str(name), path)
        target = target.replace("{name}", "words")
        some = ["%s=%s" % (p["name"], p["example"]) for p in o["parameters"] if "example" in p]
        expect(200, path, target)
        if some:
            expect(200, path, target + "?" + "&".join(some))
        expect(401, path, target, cookie=None)
        expect(405, path, target, "DELETE")
    # Much of everything, for fields that few objects have.
    for path, most in (("/alerts", "500&status=all"), ("/doors", "2000"), ("/timeline", "1000"), ("/nodes", "100")):
        if not expect(200, path, path + "?limit=" + most)["items"]:
            wrong.append("%s: there is none to look at" % path)
        expect(400, path, path + "?limit=0")
        expect(400, path, path + "?q=flavour:sweet")
    for a in ask("/alerts?status=all&limit=20")[1]["items"]:
        expect(200, "/alerts/{id}", "/alerts/%d" % a["id"])
    expect(200, "/state", "/state?since=" + ask("/state")[1]["version"])
    for path in ("/state", "/alerts"):
        expect(200, path, path + "?at=1s")
        expect(400, path, path + "?at=2200-01-01T00:00:00Z")
        expect(400, path, path + "?at=then")
    expect(400, "/alerts", "/alerts?at=1h&status=all")
    expect(404, "/nodes/{name}", "/nodes/nobody")
    expect(404, "/profiles/{name}", "/profiles/nobody")
    expect(400, "/alerts/{id}", "/alerts/x")


def hold_requests():
    alert = ask("/alerts?limit=1")[1]["items"][0]["id"]
    body = json.dumps({"action": "preview", "alerts": [alert], "reason": "", "until": None, "ticket": ""}).encode()
    asked = check(json.loads(body), DOC["components"]["schemas"]["Action"], "Action")
    wrong.extend(asked)
    csrf = ask("/me")[1]["csrf"]
    expect(403, "/requests", "/requests", "POST", body=body, Content_Type="application/json")
    expect(400, "/requests", "/requests", "POST", body=b"{}", Content_Type="application/json", X_CSRF=csrf)
    expect(405, "/requests", "/requests")
    made = expect(202, "/requests", "/requests", "POST", body=body, Content_Type="application/json", X_CSRF=csrf)
    if "id" in made:
        expect(200, "/requests/{id}", "/requests/%s" % made["id"])
    expect(404, "/requests/{id}", "/requests/1")
    expect(400, "/requests/{id}", "/requests/x")


def hold_stream():
    rq = urllib.request.Request(AT + "/api/v1/stream", headers={"Cookie": COOKIE, "Last-Event-ID": "ffffffff-1"})
    with OPEN(rq, timeout=20) as a:
        name = None
        for line in a:
            line = line.decode().rstrip("\n")
            if line.startswith("event: "):
                name = line[7:]
            if line.startswith("data: ") and name in ("state", "resync"):
                wrong.extend(check(json.loads(line[6:]), DOC["components"]["schemas"]["StreamEvent"], "stream"))
                return


hold_routes()
hold_names()
hold_answers()
hold_requests()
hold_stream()
print("\n".join(dict.fromkeys(wrong)), end="\n" if wrong else "")
sys.exit(1 if wrong else 0)
