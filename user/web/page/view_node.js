// SPDX-License-Identifier: GPL-2.0
/*
 * One node: what profile, kernel and scan say of each port, its doors with their evidence, its last day, and how its witnesses
 * are.
 */
import { get, getOr, part } from "./api.js";
import { command, empty, facts, h, icon, s, said, table } from "./dom.js";
import { openDrawer } from "./evidence.js";
import { eventLines, verdictTag } from "./events.js";
import { endpoint, holderOf, lanes, loudness, portVerdict, who } from "./fold.js";
import { formatRoute } from "./route.js";
import { MARK_WORDS } from "./state.js";
import { ticks } from "./strip.js";
import { ago, bytes, clock, count, counted, cut, shellWord, skew, visible } from "./text.js";

/** @typedef {import("./main.js").Context} Context */
/** @typedef {import("./types").NodeObject} NodeObject */
/** @typedef {import("./types").DoorEvent} DoorEvent */

const LANES_MAX = 50;
const QUIET_MAX = 12; // lanes of ports that are as profiled: those that were open longest
const EVENTS = 100;
const LANE = 18;
const LABEL = 165;
const SPANS = /** @type {Record<string, [string, number]>} */ ({ day: ["day", 86400000], week: ["week", 604800000] });

/** @type {import("./types").List<DoorEvent>} */
const none = { items: [], next: null, version: "" };

/** @param {string} name @param {Context} ctx */
export async function loadNode(name, ctx) {
	const [, span] = SPANS[ctx.route.params.span] ?? SPANS.day;
	const since = new Date(Math.floor((ctx.now() - span) / 60000) * 60000).toISOString();
	const [node, doors, events] = await Promise.all([
		/** @type {Promise<NodeObject>} */ (get(`nodes/${part(name)}`)),
		getOr("doors", { node: name, limit: 500 }, none),
		getOr("timeline", { node: name, since, limit: EVENTS }, none),
	]);
	return { node, doors: doors.items, events: events.items, alerts: ctx.alerts.filter((a) => touches(a, name)) };
}

/**
 * Is the node among an alert's? Its set is folded, so that only a plain name and simple ranges are told here; the server has the
 * whole answer in the alert itself.
 * @param {import("./types").Alert} a
 * @param {string} name
 */
export function touches(a, name) {
	if (a.nodes === name || a.door?.node === name)
		return true;
	for (const m of a.nodes.matchAll(/([^,[\]]*)\[([^\]]*)\]([^,[\]]*)|[^,[\]]+/g)) {
		if (m[2] === undefined) {
			if (m[0] === name)
				return true;
			continue;
		}
		if (!name.startsWith(m[1]) || !name.endsWith(m[3]))
			continue;
		const digits = name.slice(m[1].length, name.length - m[3].length);
		if (!/^\d+$/.test(digits))
			continue;
		for (const r of m[2].split(",")) {
			const [lo, hi] = [r.split("-")[0], r.split("-")[1] ?? r.split("-")[0]];
			if (digits.length === lo.length && Number(digits) >= Number(lo) && Number(digits) <= Number(hi))
				return true;
		}
	}
	return false;
}

/**
 * @param {HTMLElement} root
 * @param {Awaited<ReturnType<typeof loadNode>>} d
 * @param {Context} ctx
 */
export function drawNode(root, d, ctx) {
	const { node } = d;
	const row = ctx.cluster.byName.get(node.node);
	const mark = row === undefined ? null : ctx.cluster.mark(row);
	root.replaceChildren(
		h(
			"div",
			{ class: "page" },
			h(
				"header",
				{ class: "page-head" },
				mark ? h("span", { class: `mark-${mark}` }, icon(mark, MARK_WORDS[mark])) : null,
				h("h1", {}, said(node.node, 64)),
				h("p", {}, h("a", { href: formatRoute("profile", node.class ?? "") }, said(node.class ?? "no class", 40)), node.rack ? [" · rack ", h("a", { href: formatRoute("find", "", { q: `rack:${node.rack}` }) }, said(node.rack, 40))] : "", " · ", h("b", {}, said(node.state, 30)), node.silent_since ? ` since ${clock(node.silent_since)} UTC` : "", ` · last heard ${ago(node.last_heard, ctx.now())}`),
				command(`ajar node ${shellWord(node.node)}`),
			),
			d.alerts.length ? alertsOf(d.alerts) : null,
			h("section", {}, h("h2", {}, "Profile, kernel and scan"), portTable(node, d.doors, ctx)),
			h("section", {}, laneHead(ctx), laneChart(d, ctx)),
			h("section", {}, h("h2", {}, "Witnesses"), witnesses(node, ctx)),
			h("section", {}, h("h2", {}, "What happened"), d.events.length ? eventLines(d.events, ctx.now(), EVENTS, false) : empty("Nothing opened or closed here in this time.", `ajar timeline node:${shellWord(node.node)} --since 7d`)),
		),
	);
}

/** @param {import("./types").Alert[]} alerts */
function alertsOf(alerts) {
	return h(
		"ul",
		{ class: "alert-lines" },
		alerts.map((a) =>
			h("li", { class: a.severity }, icon(a.state === "open" ? a.severity : "acked", a.severity), " ", h("a", { href: formatRoute("alert", a.id) }, `${a.kind} ${a.proto ?? ""} ${a.ports ?? a.port ?? ""}`.replace(/ +/g, " ").trim()), " ", said(a.summary, 160), a.state === "open" ? "" : ` (${a.state})`),
		),
	);
}

/** @param {import("./types").Seen | null} scan @param {number} now */
function scanCell(scan, now) {
	return scan ? h("span", { title: `scan ${scan.id}, ${clock(scan.time)} UTC, at ${scan.addr}` }, scan.state, scan.service ? [" ", said(scan.service, 40)] : "", h("span", { class: "dim" }, ` ${ago(scan.time, now)}`)) : h("span", { class: "dim" }, "not asked");
}

/**
 * One row a port; doors in another network namespace or container stand below, for the node's port says nothing of them.
 * @param {NodeObject} node
 * @param {DoorEvent[]} doors
 * @param {Context} ctx
 */
function portTable(node, doors, ctx) {
	const ports = node.ports ?? [];
	if (!ports.length && !doors.length)
		return empty("No door is open here, and the profile of its class names none.", `ajar ls node:${shellWord(node.node)}`);
	const of = (/** @type {import("./types").Port} */ p) => doors.filter((x) => x.proto === p.proto && x.port === p.port);
	const rows = ports.map((p) => ({ p, verdict: portVerdict(p), doors: of(p) }));
	rows.sort((a, b) => rank(b) - rank(a) || a.p.port - b.p.port);
	const seen = new Set(rows.flatMap((r) => r.doors));
	const rest = doors.filter((x) => !seen.has(x));
	return table(
		`Ports of ${visible(cut(node.node, 60))} by witness`,
		[{ head: "Port", css: "num" }, { head: "Address" }, { head: "Profile" }, { head: "Kernel" }, { head: "Scan" }, { head: "Verdict" }, { head: "Who" }, { head: "Since (UTC)", css: "num" }],
		[
			...rows.map(({ p, verdict, doors: own }) => [
				`${p.proto} ${p.port}`,
				addresses(own),
				profileCell(p),
				p.kernel === "closed" ? h("span", { class: "dim" }, "closed") : p.kernel,
				scanCell(p.scan, ctx.now()),
				portTag(p, verdict),
				whoCell(own, p.who, ctx, node.executables),
				own.length ? since(own[0], ctx) : "",
			]),
			...rest.map((x) => [
				`${x.proto} ${x.port}`, addresses([x]), h("span", { class: "dim" }, "-"), "open", h("span", { class: "dim" }, "not asked"), verdictTag(x.verdict), whoCell([x], null, ctx, node.executables), since(x, ctx),
			]),
		],
	);
}

/**
 * What the profile says: of a row that covers the port and not the door that is open, what it asks for.
 * @param {import("./types").Port} p
 */
function profileCell(p) {
	if (!p.profile)
		return h("span", { class: "dim" }, "no row");
	const service = p.service ? [" ", said(p.service, 40)] : "";
	return p.only ? h("span", { title: "The row covers this port, but not who holds it now." }, p.profile, service, " ", h("span", { class: "only" }, "only ", said(p.only, 80))) : [p.profile, service];
}

/** @param {{p: import("./types").Port, verdict: string}} r */
function rank(r) {
	return isHidden(r.p) ? 4 : r.p.kernel === "closed" ? (r.verdict === "missing" ? 2 : -1) : loudness(r.p.verdict);
}

/** @param {import("./types").Port} p */
function isHidden(p) {
	return p.kernel === "closed" && p.scan?.state === "open";
}

/** @param {import("./types").Port} p @param {string} verdict */
function portTag(p, verdict) {
	if (isHidden(p))
		return h("span", { class: "verdict loud-3" }, icon("critical"), verdict);
	if (verdict === "missing" || verdict === "as profiled, not reachable")
		return h("span", { class: "verdict loud-2" }, icon("warning"), verdict);
	return p.kernel === "closed" ? h("span", { class: "dim" }, verdict) : verdictTag(p.verdict);
}

/** @param {DoorEvent[]} doors */
function addresses(doors) {
	const list = [...new Set(doors.map((d) => `${endpoint(d).replace(/:[^:]*$/, "")}${d.where ? ` in ${d.where}` : ""}`))];
	return list.length ? said(list.join(", "), 60, "mono addr") : "";
}

/** @param {DoorEvent} d @param {Context} ctx */
function since(d, ctx) {
	return h("time", { datetime: d.time, title: ago(d.opened ?? d.time, ctx.now()) }, `${d.origin === "snapshot" ? "before " : ""}${clock(d.opened ?? d.time, ctx.now())}`);
}

/** @param {DoorEvent[]} doors @param {string | null} text @param {Context} ctx @param {import("./types").Executable[]} [files] */
function whoCell(doors, text, ctx, files) {
	if (!doors.length)
		return text ? said(text, 60) : "";
	return doors.slice(0, 3).map((d, i) => [
		i ? ", " : "",
		h("button", { type: "button", class: "link", title: "Evidence", onclick: () => openDrawer(d, ctx.now(), files) }, said(who(holderOf(d), 2), 50)),
	]).flat().concat(doors.length > 3 ? [` and ${doors.length - 3} more`] : []);
}

/** @param {Context} ctx */
function laneHead(ctx) {
	const span = ctx.route.params.span === "week" ? "week" : "day";
	return h(
		"div",
		{ class: "pane-head" },
		h("h2", {}, "When what was open"),
		h(
			"div",
			{ class: "tabs", role: "group", "aria-label": "Stretch" },
			Object.entries(SPANS).map(([id, [label]]) => h("button", { type: "button", "aria-pressed": span === id ? "true" : "false", onclick: () => ctx.setParams({ span: id === "day" ? "" : id }) }, label)),
		),
	);
}

/**
 * @param {Awaited<ReturnType<typeof loadNode>>} d
 * @param {Context} ctx
 */
function laneChart(d, ctx) {
	const [, span] = SPANS[ctx.route.params.span] ?? SPANS.day;
	const until = ctx.now();
	const since = until - span;
	const all = lanes(d.events, d.doors, since, until);
	if (!all.length)
		return empty("No door was open in this time.");
	// Drawn for the room that is there: text is not scaled.
	const width = Math.max(320, Math.min(1500, document.documentElement.clientWidth - 32));
	const x = (/** @type {number} */ t) => LABEL + ((t - since) / span) * (width - LABEL);
	const openFor = (/** @type {(typeof all)[number]} */ l) => l.bars.reduce((sum, b) => sum + b.to - b.from, 0);
	const quiet = all.filter((l) => !loudness(l.verdict)).sort((a, b) => openFor(b) - openFor(a));
	const left = new Set(quiet.slice(QUIET_MAX));
	const shown = all.filter((l) => !left.has(l)).slice(0, LANES_MAX);
	const height = shown.length * LANE + 18;
	const { times, step } = ticks(since, until, Math.max(2, Math.floor((width - LABEL) / 90)));
	const svg = s("svg", { class: "lanes", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `${counted(all.length, "port")} over time; the list below says the same` });
	for (const t of times) {
		const iso = new Date(t).toISOString();
		const label = s("text", { x: x(t) + 3, y: height - 4, class: "tick" });
		label.textContent = step >= 86400000 || t % 86400000 === 0 ? iso.slice(5, 10) : iso.slice(11, 16);
		svg.append(s("line", { x1: x(t), x2: x(t), y1: 0, y2: height - 14, class: "grid" }));
		if (x(t) + 36 < width)
			svg.append(label);
	}
	shown.forEach((lane, i) => {
		const text = s("text", { x: LABEL - 8, y: i * LANE + 12.5, "text-anchor": "end", class: loudness(lane.verdict) > 1 ? "loud" : "" });
		text.textContent = cut(visible(lane.label), 22);
		const whole = s("title", {});
		whole.textContent = visible(lane.label);
		text.append(whole);
		svg.append(text);
		for (const b of lane.bars) {
			const bar = s("rect", { x: x(b.from), y: i * LANE + 4, width: Math.max(2, x(b.to) - x(b.from)), height: LANE - 8, class: `bar loud-${loudness(b.verdict)}` });
			const title = s("title", {});
			title.textContent = `${visible(who(holderOf(b.door), 1))}, ${clock(b.from)} to ${b.to >= until ? "now" : clock(b.to)} UTC, ${b.verdict || "not judged"}`;
			bar.append(title);
			svg.append(bar);
		}
	});
	return h("div", { class: "lane-box" }, svg, all.length > shown.length ? h("p", { class: "dim" }, `${shown.length} of ${counted(all.length, "port")}; what is as profiled and was open shorter is left out here, not below.`) : null);
}

/** @param {NodeObject} node @param {Context} ctx */
function witnesses(node, ctx) {
	const x = node.health;
	return h(
		"div",
		{ class: "witnesses" },
		h(
			"div",
			{},
			h("h3", {}, "From inside: the sensor"),
			facts([
				["state", said(node.state, 40)],
				["wrong", x?.issues?.length ? h("span", { class: "flag" }, said(x.issues.join(", "), 200)) : null],
				["sensor", said(x?.sensor ?? node.tier ?? "not known", 160)],
				["events", `${count(node.events)}, ${node.lost ? "" : "none lost"}`.replace(/, $/, "")],
				["lost", node.lost ? h("span", { class: "flag" }, count(node.lost)) : null],
				["reported", x?.last_report ? `${ago(x.last_report, ctx.now())} by ajar ${x.version ?? "?"}` : "never"],
				["host", x?.host ? said(x.host, 64) : null],
				["waits to be shipped", x ? `${counted(x.backlog_records, "record")}, ${bytes(x.backlog_bytes)}` : null],
				["in quarantine", x?.quarantined ? h("span", { class: "flag" }, count(x.quarantined)) : null],
				["journal", x ? `${bytes(x.journal_bytes)} of ${bytes(x.journal_max_bytes)}` : null],
				["clock", x ? `${skew(x.clock_skew_ms)} from the store's` : null],
				["boot and record", `${node.boot_seq}, ${count(node.seq)}`],
				["also reports as it", x?.other_installations?.length ? said(x.other_installations.map((o) => `${o.host} (${o.standing})`).join(", "), 120) : null],
				["redirects", node.steering?.length ? said(node.steering.join("; "), 300) : null],
			]),
		),
		h(
			"div",
			{},
			h("h3", {}, "From outside: the scan"),
			node.outside
				? facts([
						["result", said(node.outside.state, 40)],
						["when", `${clock(node.outside.time)} UTC, ${ago(node.outside.time, ctx.now())}`],
						["scan", `${node.outside.scan}${node.outside.plan ? `, plan ${node.outside.plan}` : ""} (${node.outside.kind})`],
						["address", said(node.outside.addr, 60)],
						["asked for", node.outside.asked ? said(node.outside.asked, 80) : null],
						["open ports", count(node.outside.open)],
						["last answered", node.outside.last_seen ? ago(node.outside.last_seen, ctx.now()) : null],
					])
				: empty("No scan has looked at it: whether something hides from the sensor, or is reachable, is not known.", `ajar scan ${shellWord(node.node)}`),
		),
	);
}
