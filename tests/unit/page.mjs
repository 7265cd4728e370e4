// SPDX-License-Identifier: GPL-2.0
// The pure modules of the page: text, filter words, the address, state, folding, layout. Run by test_page.sh, which says where.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const load = (name) => import(pathToFileURL(`${process.env.PAGE}/${name}.js`).href);
const { ago, bytes, clock, counted, cut, duration, foldNodes, shellWord, skew, visible } = await load("text");
const { complete, completions, pivots, STANDARD_WORDS } = await load("filter");
const { formatRoute, parseRoute } = await load("route");
const { Cluster, answer, groups, questions, rarestFirst, versionRanks, worseFirst, QUESTIONS } = await load("state");
const { exeFlags, foldDoors, lanes, portVerdict, who } = await load("fold");
const { answerThen, stretch } = await load("past");
const { ANYTHING, newsTaker } = await load("news");
const { CELL_MAX, CELL_MIN, hit, layout, neighbour } = await load("map_layout");

const process_ = (x) => ({ pid: 7, comm: "nc", exe: "/usr/bin/nc", argv: ["nc"], uid: 0, user: "root", ancestors: [], ...x });
const door = (x) => ({
	time: "2026-01-01T10:00:00Z", node: "n1", class: "c", event: "open", origin: "event", proto: "tcp", addr: "0.0.0.0", port: 22,
	door: "1:1:1", scope: "any", opener: process_(), holders: [process_()], where: null, verdict: "as profiled", ...x,
});

/** A state of n nodes; over: what differs, by row. */
function answerOf(n, over = {}, top = {}) {
	const fill = (f) => Array.from({ length: n }, (_, i) => f(i));
	const nodes = {
		name: fill((i) => `node${String(i + 1).padStart(3, "0")}`), class: fill(() => 0), rack: null, health: fill(() => 0),
		worst: fill(() => 0), alerts: fill(() => 0), last: fill(() => 1000), opened_hour: fill(() => 0), scan: fill(() => 0), agent: fill(() => 0),
	};
	for (const [row, columns] of Object.entries(over))
		for (const [k, v] of Object.entries(columns))
			nodes[k][row] = v;
	return {
		version: "1", now: new Date(0).toISOString(), classes: ["compute"], versions: ["0.1.0"], groups: {}, nodes,
		health_words: ["recording", "silent", "unknown"], severity_words: ["none", "notice", "warning", "critical"],
		judged_behind_s: 0, ...top,
	};
}
function cluster(n, over, top) {
	const c = new Cluster();
	c.apply(answerOf(n, over, top), 0);
	return c;
}

test("what is not seen in a string, or turns it, is shown as an escape", () => {
	assert.equal(visible("a\x1b[31m\u202egnp.exe\u200b\x7f\n"), "a\\x1b[31m\\u{202e}gnp.exe\\u{200b}\\x7f\\x0a");
	assert.equal(visible("\ud800x"), "\\u{d800}x");
	assert.equal(visible("grün שלום 👩"), "grün שלום 👩");
	assert.equal(visible(null), "");
});
test("a long string is cut in its middle, by characters", () => {
	assert.equal(cut("abcdefghij", 5), "ab…ij");
	assert.equal([...cut("👩".repeat(9), 5)].length, 5);
	assert.equal(cut("abc", 3), "abc");
});
test("durations, times and sizes are short", () => {
	assert.deepEqual([0.42, 12, 89, 600, 7200, 200000].map(duration), ["0.4 s", "12 s", "89 s", "10 min", "2 h", "2 d"]);
	assert.equal(ago(0, 5000), "never");
	assert.equal(ago(1, 31000), "30 s ago");
	assert.equal(clock("2026-01-02T03:04:05.678901Z"), "2026-01-02 03:04:05");
	assert.equal(clock("2026-01-02T03:04:05Z", Date.parse("2026-01-02T23:00:00Z")), "03:04:05");
	assert.equal(clock(null), "-");
	assert.deepEqual([512, 1536, 268435456].map(bytes), ["512 B", "1.5 KiB", "256 MiB"]);
	assert.equal(counted(1, "node"), "1 node");
	assert.equal(counted(1200, "node"), "1,200 nodes");
});
test("node names are folded as on the command line", () => {
	assert.equal(foldNodes(["node002", "node001", "node003", "node007", "login1"]), "node[001-003,007],login1");
	assert.equal(foldNodes(["n1", "n2", "n10"]), "n[1,2],n10");
	assert.equal(foldNodes(["web"]), "web");
	assert.equal(foldNodes([]), "");
});
test("words of a command are quoted when a shell would change them", () => {
	assert.equal(shellWord("node:n[1-3]"), "'node:n[1-3]'");
	assert.equal(shellWord("it's"), "'it'\\''s'");
	assert.equal(shellWord("/usr/bin/nc"), "/usr/bin/nc");
	assert.equal(shellWord(""), "''");
});

test("filter words are completed, with what the page knows", () => {
	const known = { node: ["gpu1", "gpu2"], class: ["gpu"] };
	assert.deepEqual(completions("ex", 2, STANDARD_WORDS, known).map((c) => c.insert), ["exe:"]);
	assert.deepEqual(completions("tcp node:g", 10, STANDARD_WORDS, known).map((c) => c.insert), ["node:gpu1", "node:gpu2"]);
	assert.ok(completions("gpu", 3, STANDARD_WORDS, known).some((c) => c.insert === "node:gpu1"));
	assert.ok(completions("state:un", 8, STANDARD_WORDS, known).some((c) => c.insert === "state:unexpected"));
	assert.deepEqual(complete("tcp no", 6, "node:"), { text: "tcp node:", caret: 9 });
	assert.deepEqual(complete("ud :53", 2, "udp"), { text: "udp :53", caret: 3 });
});
test("a door leads to others like it", () => {
	const q = pivots(door({ port: 4444, holders: [process_({ exe: "/tmp/nc (deleted)", user: "mlee" })] })).map((p) => p.q);
	assert.deepEqual(q, ["tcp :4444", "exe:/tmp/nc", "user:mlee", "class:c"]);
});

test("the address holds view, argument and parameters, and comes back the same", () => {
	const hash = formatRoute("node", "a/b ü?#", { q: "exe:nc & more", none: "" });
	assert.deepEqual(parseRoute(hash), { view: "node", arg: "a/b ü?#", params: { q: "exe:nc & more" } });
	assert.equal(formatRoute("cluster"), "#/");
	assert.equal(parseRoute("#/nonsense/%zz").view, "cluster");
	assert.equal(parseRoute("").view, "cluster");
	assert.equal(parseRoute("#/node/%zz").arg, "%zz");
});

test("a stretch of the address is one when it ends behind its begin", () => {
	assert.deepEqual(stretch({ from: "100", to: "160" }), { from: 100000, to: 160000 });
	for (const params of [{}, { from: "100" }, { to: "5" }, { from: "5", to: "5" }, { from: "x", to: "9" }, { from: "-9", to: "9" }, { from: "1", to: "1e99" }])
		assert.equal(stretch(params), null, JSON.stringify(params));
});
test("the past is told as the past, with what cannot be known of it", () => {
	const at = Date.parse("2026-01-02T10:00:00Z");
	const past = (x) => ({ from: at - 1, to: at, at, oldest: 1, cluster: cluster(1), alerts: [], moreAlerts: false, events: [], ...x });
	const open = (severity, state = "open") => ({ severity, state });
	assert.equal(answerThen(past({}), at + 3600000).text, "At 10:00:00 UTC no alert was open.");
	assert.equal(answerThen(past({ alerts: [open("critical"), open("warning"), open("warning"), open("critical", "acknowledged")] }), at + 86400000 * 2).text, "At 2026-01-02 10:00:00 UTC 1 critical, 2 warnings were open.");
	assert.match(answerThen(past({}), at).more, /^The classes are those of now/);
	assert.match(answerThen(past({ oldest: at + 1000 }), at).more, /^The store's records begin at 2026-01-02 10:00:01 UTC/);
	assert.match(answerThen(past({ oldest: 0 }), at).more, /^The store has no records/);
});
test("in the past time stands still, and what nobody has kept is not asked for", () => {
	const c = cluster(2, {}, { at: "2026-01-02T10:00:00.000000Z", nodes: { ...answerOf(2).nodes, health: [0, 1], worst: [0, 3], alerts: [0, 1], agent: null, last: null } });
	assert.equal(c.now(5), Date.parse("2026-01-02T10:00:00Z"));
	assert.deepEqual([c.mark(0), c.mark(1)], ["ok", "silent"]);
	assert.deepEqual(questions(c).map((q) => q.id), ["wrong", "opened", "outside"]);
	assert.deepEqual(questions(cluster(1)).map((q) => q.id), ["wrong", "opened", "outside", "heard", "agent"]);
});

test("a node is shown by its worst alert, and never as well when nobody is there", () => {
	const c = cluster(6, {
		1: { worst: 3, alerts: 1 }, 2: { health: 1, worst: 3, alerts: 1 }, 3: { health: 2, last: 0 }, 4: { health: 1, worst: 3, alerts: 2 }, 5: { worst: 1, alerts: 1 },
	});
	assert.deepEqual([0, 1, 2, 3, 4, 5].map((i) => c.mark(i)), ["ok", "critical", "silent", "never", "critical", "notice"]);
	assert.equal(cluster(1, { 0: { health: 2, worst: 3, alerts: 1 } }).mark(0), "critical");
	const odd = cluster(1, { 0: { health: 7 } });
	assert.equal(odd.mark(0), "silent");
});
test("chips stand rarest first, and what is well last", () => {
	assert.deepEqual(rarestFirst(cluster(5, { 1: { worst: 3, alerts: 1 }, 2: { worst: 2, alerts: 1 }, 3: { worst: 2, alerts: 1 } }).counts()), ["critical", "warning", "ok"]);
});
test("changes are put into their rows; new nodes are appended", () => {
	const c = cluster(3);
	const { nodes, ...top } = answerOf(1);
	const change = (i, over) => c.apply({ ...top, version: "2", nodes: { ...nodes, i: [i], name: [c.n.name[i] ?? "new1"], ...over } }, 0);
	assert.deepEqual(change(1, { worst: [3], alerts: [1] }), { whole: false, rows: [1] });
	assert.equal(c.mark(1), "critical");
	assert.equal(c.version, "2");
	assert.equal(change(3, { worst: [2], alerts: [1] }).whole, true);
	assert.equal(c.size, 4);
	assert.equal(c.byName.get("new1"), 3);
});
test("a whole answer with the same nodes says which rows differ", () => {
	const c = cluster(3);
	assert.deepEqual(c.apply(answerOf(3, { 2: { worst: 2, alerts: 1 } }), 0), { whole: false, rows: [2] });
	assert.equal(c.apply(answerOf(4), 0).whole, true);
});
test("a thousand changes of ten thousand nodes are taken in under 16 ms", () => {
	const c = cluster(10000);
	const rows = Array.from({ length: 1000 }, (_, k) => k * 10);
	const a = answerOf(1000, {}, { version: "3" });
	const nodes = { ...a.nodes, i: rows, name: rows.map((r) => c.n.name[r]), worst: rows.map(() => 3), alerts: rows.map(() => 1) };
	let best = Infinity;
	for (let k = 0; k < 5; k++) {
		const began = performance.now();
		c.apply({ ...a, nodes }, 0);
		c.counts();
		best = Math.min(best, performance.now() - began);
	}
	assert.ok(best < 16, `${best} ms`);
	assert.equal(c.counts().critical, 1000);
});

test("the first line answers whether anything needs somebody", () => {
	const ok = answer(cluster(2), [], [{ class: "compute", accepted: true }]);
	assert.equal(ok.level, "ok");
	assert.match(ok.text, /^No\./);
	const yes = answer(cluster(2), [{ severity: "critical", state: "open" }, { severity: "warning", state: "open" }, { severity: "critical", state: "acknowledged" }], null);
	assert.deepEqual([yes.level, yes.text], ["critical", "Yes: 1 critical, 1 warning wait for a decision."]);
});
test("what nobody watches or judges is no quiet", () => {
	assert.equal(answer(cluster(0), [], []).level, "unknown");
	assert.equal(answer(cluster(2, { 0: { health: 1 } }), [], null).level, "warning");
	assert.equal(answer(cluster(2, {}, { judged_behind_s: null }), [], null).level, "unknown");
	assert.equal(answer(cluster(2), [], [{ class: "compute", accepted: false }]).level, "unknown");
	assert.match(answer(cluster(2, {}, { judged_behind_s: 90 }), [], null).more, /judges 90 s behind/);
});
test("alerts are sorted by severity, then the newest first", () => {
	const list = [{ id: 1, severity: "warning", first: "2026-01-01T00:00:00Z" }, { id: 2, severity: "critical", first: "2026-01-01T00:00:00Z" }, { id: 3, severity: "critical", first: "2026-01-02T00:00:00Z" }];
	assert.deepEqual(list.sort(worseFirst).map((a) => a.id), [3, 2, 1]);
});
test("what the map is filled by has a step for each node", () => {
	const c = cluster(3, { 1: { opened_hour: 70, scan: 990, agent: 1 }, 2: { last: 0 } }, { versions: ["0.1.0", "0.0.9"] });
	for (const q of QUESTIONS.slice(1))
		for (let i = 0; i < 3; i++)
			assert.ok(q.value(c, i, 1000) >= 0 && q.value(c, i, 1000) < q.steps.length, `${q.id} ${i}`);
	assert.equal(QUESTIONS.find((q) => q.id === "opened").value(c, 1, 1000), 4);
	assert.equal(QUESTIONS.find((q) => q.id === "outside").value(c, 0, 1000), 4);
	assert.deepEqual(versionRanks(c), [0, 1]);
	assert.ok(!questions(c).some((q) => q.id === "differs"));
});
test("groups hold each node once", () => {
	const c = cluster(40, {}, { classes: ["compute"] });
	for (const by of ["class", "rack", "mark", "none"])
		assert.equal(groups(c, by).reduce((n, g) => n + g.rows.length, 0), 40);
});

test("who holds a door reads as on the command line", () => {
	const p = process_({ user: "mlee", ancestors: [{ comm: "bash", pid: 3 }, { comm: "bash", pid: 2 }, { comm: "sshd", pid: 1 }] });
	assert.equal(who(p), "nc mlee ← bash ×2 ← sshd");
	assert.equal(who(null), "not known");
	assert.equal(who(process_({ user: null, uid: 33, comm: null })), "? uid 33");
});
test("what is odd about a program is said", () => {
	assert.deepEqual(exeFlags(process_({ exe: "/tmp/.x/nc (deleted)" })).length, 3);
	assert.deepEqual(exeFlags(process_({ exe: "/memfd:x (deleted)" })), ["deleted from disk", "runs from memory only"]);
	assert.deepEqual(exeFlags(process_()), []);
	assert.deepEqual(exeFlags(process_({ exe_foreign: true })), ["path of another mount namespace"]);
});
test("alike doors on many nodes are one line, the rare one first", () => {
	const f = foldDoors([...["n1", "n2", "n3"].map((node) => door({ node })), door({ node: "n9", port: 4444, verdict: "unexpected" })]);
	assert.deepEqual(f.map((x) => [x.nodes, x.door.port]), [["n9", 4444], ["n[1-3]", 22]]);
});
test("lanes join openings and closings; what is open ends now", () => {
	const [since, until] = [Date.parse("2026-01-01T00:00:00Z"), Date.parse("2026-01-02T00:00:00Z")];
	const l = lanes(
		[door({ door: "a", port: 80, time: "2026-01-01T01:00:00Z" }), door({ door: "a", port: 80, event: "close", time: "2026-01-01T02:00:00Z", opened: null }), door({ door: "b", port: 90, event: "close", time: "2026-01-01T03:00:00Z", opened: null })],
		[door({ door: "c", port: 4444, verdict: "unexpected", time: "2025-12-31T00:00:00Z" })],
		since,
		until,
	);
	assert.deepEqual(l.map((x) => x.port), [4444, 80, 90]);
	assert.deepEqual(l.map((x) => [x.bars[0].from, x.bars[0].to].map((t) => (t - since) / 3600000)), [[0, 24], [1, 2], [0, 3]]);
});
test("a port that answers without a door is not shown as closed", () => {
	const port = (x) => ({ proto: "tcp", port: 1, profile: null, service: null, kernel: "closed", who: null, verdict: null, scan: null, ...x });
	assert.match(portVerdict(port({ scan: { state: "open" } })), /kernel shows no door/);
	assert.equal(portVerdict(port({ profile: "require" })), "missing");
	assert.equal(portVerdict(port({ kernel: "open", verdict: "as profiled", scan: { state: "filtered" } })), "as profiled, not reachable");
	assert.equal(portVerdict(port({})), "closed");
});

const some = (n) => Array.from({ length: n }, (_, i) => i);
test("the map fits where it can, and each cell leads back to its node", () => {
	for (const [n, w, h] of [[3, 900, 500], [512, 900, 500], [10000, 1400, 800]]) {
		const l = layout([{ name: "a", rows: some(n) }], w, h);
		assert.ok(l.cell >= CELL_MIN && l.cell <= CELL_MAX && l.height <= h, `${n}: cell ${l.cell}, ${l.height} px`);
		for (const row of [0, n >> 1, n - 1])
			assert.equal(hit(l, l.x[row] + 1, l.y[row] + 1), row);
		assert.equal(hit(l, w + 1, 1), -1);
	}
});
test("blocks do not overlap, also when there are many", () => {
	const l = layout(some(60).map((g) => ({ name: `r${g}`, rows: some(20).map((i) => g * 20 + i) })), 1000, 700);
	const over = l.blocks.filter((a, i) => l.blocks.some((b, k) => k > i && a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height));
	assert.equal(over.length, 0);
});
test("arrows lead to each node and stay in the map", () => {
	const l = layout([{ name: "a", rows: some(5) }, { name: "b", rows: some(7).map((i) => i + 5) }], 300, 400);
	assert.equal(neighbour(l, -1, "ArrowRight"), 0);
	assert.equal(neighbour(l, 11, "ArrowRight"), 11);
	assert.equal(neighbour(l, 0, "End"), 11);
	let at = 0;
	for (let k = 0; k < 12; k++)
		at = neighbour(l, at, "ArrowDown");
	assert.ok(l.y[at] === Math.max(...l.y));
	assert.equal(neighbour(layout([], 100, 100), -1, "ArrowDown"), -1);
});

test("a clock's skew has a sign, and none where it rounds to nothing", () => {
	assert.deepEqual([0, 40, -40, 60, -1500, 90000].map(skew), ["0 s", "0 s", "0 s", "+0.1 s", "−1.5 s", "+90.0 s"]);
});

/** What is asked for is noted; answer() is called with each question and says whether it could be read. */
function taker(answer = () => true) {
	const asked = [], is = { map: "a-1", alerts: "a-1" };
	const t = newsTaker(async (map, alerts, whole) => {
		asked.push(`${map ? "map" : ""}${alerts ? "alerts" : ""}${whole ? " whole" : ""}`);
		return answer(asked.length, is, t);
	}, () => is);
	return { ...t, asked, is };
}
test("what the server names is asked for, and nothing else", async () => {
	const t = taker();
	await t.take({ version: "a-2", map: false, alerts: true });
	await t.take({ version: "a-3", map: true, alerts: false });
	await t.take({ version: "a-4", map: true, alerts: true, whole: true });
	assert.deepEqual(t.asked, ["alerts", "map", "mapalerts whole"]);
});
test("what is known at that version is not asked for, but for anything", async () => {
	const t = taker();
	t.is.alerts = "a-0";
	await t.take({ version: "a-1", map: true, alerts: true });
	assert.deepEqual(t.asked, ["alerts"]);
	await t.take({ version: "a-1", map: true, alerts: false });
	assert.equal(t.asked.length, 1);
	await t.take(ANYTHING);
	assert.deepEqual(t.asked, ["alerts", "mapalerts"]);
});
test("news that come while something is asked for wait for one another", async () => {
	const t = taker((n, _, self) => {
		if (n === 1) {
			self.take({ version: "a-3", map: false, alerts: true });
			self.take({ version: "a-4", map: true, alerts: false });
		}
		return true;
	});
	await t.take({ version: "a-2", map: false, alerts: true });
	assert.deepEqual(t.asked, ["alerts", "mapalerts"]);
	await t.again();
	assert.equal(t.asked.length, 2);
});
test("what could not be read is asked for again, with the next news or without", async () => {
	const t = taker((n) => n > 2);
	await t.take({ version: "a-2", map: false, alerts: true });
	await t.take({ version: "a-3", map: true, alerts: false });
	await t.again();
	await t.again();
	assert.deepEqual(t.asked, ["alerts", "mapalerts", "mapalerts"]);
});
test("nor is it lost when others come meanwhile", async () => {
	const t = taker((n, _, self) => {
		if (n === 1)
			self.take({ version: "a-3", map: true, alerts: false });
		return n > 1;
	});
	await t.take({ version: "a-2", map: false, alerts: true });
	await t.again();
	assert.deepEqual(t.asked, ["alerts", "mapalerts"]);
});
