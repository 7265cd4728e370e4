// SPDX-License-Identifier: GPL-2.0
/*
 * One alert with its whole story; and the list of all.
 */
import { ApiError, get, part } from "./api.js";
import { actionsOf, actionButtons, actionDialog, alertPort, reach } from "./alert_card.js";
import { CHOOSE, command, empty, facts, h, icon, said, table } from "./dom.js";
import { evidence } from "./evidence.js";
import { holderOf, who } from "./fold.js";
import { eventLines } from "./events.js";
import { formatRoute } from "./route.js";
import { worseFirst } from "./state.js";
import { ago, clock, count, counted, cut, visible } from "./text.js";

/** @typedef {import("./main.js").Context} Context */
/** @typedef {import("./types").Story} Story */
/** @typedef {import("./types").Alert} Alert */

const LINES = 60;
const BULK_MAX = 1000; // alerts of one request, as the server has it
const PAGE_MAX = 500; // alerts of one answer

/** @param {string} id @returns {Promise<Story>} */
export function loadAlert(id) {
	return get(`alerts/${part(id)}`);
}

/** @param {HTMLElement} root @param {Story} a @param {Context} ctx */
export function drawAlert(root, a, ctx) {
	const door = a.doors[0] ?? a.door ?? a.doors_then[0] ?? null;
	const gone = !a.doors.length && a.doors_then.length > 0;
	root.replaceChildren(
		h(
			"div",
			{ class: "page" },
			h(
				"header",
				{ class: "page-head" },
				h("span", { class: `mark-${a.state === "open" ? a.severity : "acked"}` }, icon(a.state === "open" ? a.severity : "acked", a.severity)),
				h("h1", {}, `${a.kind} ${alertPort(a)}`.trim()),
				h("p", {}, h("b", {}, a.severity), ` · ${a.state}${a.until ? ` until ${clock(a.until)} UTC` : ""} · since ${clock(a.first)} UTC, ${ago(a.first, ctx.now())}`),
				command(`ajar alerts show ${a.id}`),
			),
			h("p", { class: "lead" }, said(a.summary, 400)),
			actionButtons(a, { me: ctx.me, onAction: (id) => actionDialog(id, [a], { me: ctx.me, now: ctx.now(), done: ctx.done }) }),
			h(
				"div",
				{ class: "columns" },
				h(
					"section",
					{},
					h("h2", {}, "Why, and what to do"),
					facts([
						["why", said(a.why, 1000)],
						["what to do", said(a.remedy, 1000)],
						["from outside", reach(a)],
						["class", a.class ? h("a", { href: formatRoute("profile", a.class) }, said(a.class, 60)) : null],
						["nodes", [a.node_count === 1 ? h("a", { href: formatRoute("node", a.nodes) }, said(a.nodes, 200)) : said(a.nodes, 200), ` (${counted(a.node_count, "node")})`]],
						["doors", a.count && a.proto ? count(a.count) : null],
						["last seen", `${clock(a.last)} UTC`],
					]),
					a.where.length ? h("h2", {}, "Where") : null,
					a.where.length
						? table(
								"Nodes of the alert",
								[{ head: "Node" }, { head: "Class" }, { head: "First (UTC)", css: "num" }, { head: "Last (UTC)", css: "num" }, { head: "Open", css: "num" }],
								a.where.slice(0, LINES).map((w) => [h("a", { href: formatRoute("node", w.node) }, said(w.node, 40)), said(w.class ?? "", 30), clock(w.first, ctx.now()), clock(w.last, ctx.now()), w.open ? count(w.open) : "gone"]),
							)
						: null,
					a.where.length > LINES ? h("p", { class: "dim" }, `and ${count(a.where.length - LINES)} more`) : null,
					h("h2", {}, "What was decided"),
					a.log.length
						? h("ol", { class: "events" }, a.log.slice(0, LINES).map((l) => h("li", { class: "event" }, h("time", { datetime: l.time, title: `${clock(l.time)} UTC` }, clock(l.time, ctx.now())), h("span", { class: "event-what" }, h("b", {}, l.state), " by ", said(l.who, 40), l.note ? [": ", said(l.note, 300)] : ""))))
						: empty("Nothing yet."),
					a.scans.length ? [h("h2", {}, "What scans saw of the port"), eventLines(/** @type {any} */ (a.scans), ctx.now(), LINES)] : null,
				),
				h("section", {}, h("h2", {}, gone ? "Evidence: the door of then" : "Evidence"), door ? evidence(door, ctx.now(), a.executables) : empty("It is about no door.")),
			),
		),
	);
}

/** @param {Context} ctx @param {string} [q] */
export async function loadAlerts(ctx, q = "") {
	/** @type {import("./types").List<Alert>} */
	const answer = await get("alerts", { q, status: ctx.route.params.all ? "all" : "open", limit: 500 });
	return { alerts: answer.items, more: !!answer.next, total: answer.total ?? answer.items.length };
}

/**
 * The open alerts that match, the worst first, as many as one request may be about.
 * @param {string} q words of a filter
 */
async function matching(q) {
	/** @type {Alert[]} */
	const found = [];
	/** @type {string | null} */
	let cursor = "";
	let more = false;
	while (cursor !== null && !more) {
		/** @type {import("./types").List<Alert>} */
		const page = await get("alerts", { q, status: "open", limit: PAGE_MAX, cursor });
		for (const a of page.items.filter((x) => x.state === "open"))
			found.length < BULK_MAX ? found.push(a) : (more = true);
		cursor = page.next;
	}
	return { found, more };
}

/**
 * Acknowledge or snooze of all that match: gathered when it is asked for, so that what is confirmed is what is sent.
 * @param {"ack" | "snooze"} action
 * @param {string} q
 * @param {Context} ctx
 */
async function actOnAll(action, q, ctx) {
	try {
		const { found, more } = await matching(q);
		if (!found.length)
			return ctx.done("No open alert matches any more.");
		const which = q ? `match '${cut(visible(q), 80)}'` : "there are";
		const about = more ? `The worst ${count(found.length)} of the open alerts that ${which}; then again for the rest.` : `All ${count(found.length)} open alerts that ${which}.`;
		actionDialog(action, found, { me: ctx.me, now: ctx.now(), done: ctx.done, about, words: q });
	} catch (err) {
		ctx.done(err instanceof ApiError ? `${err.message} ${err.fix}` : String(err));
	}
	return undefined;
}

/**
 * @param {Alert[]} alerts
 * @param {Context} ctx
 * @param {{q: string, total: number}} [of] open alerts of a filter that the table has the first of
 */
export function alertTable(alerts, ctx, of) {
	const boxes = alerts.map((a) => h("input", { type: "checkbox", value: a.id, "aria-label": `choose alert ${a.id}` }));
	const chosen = () => alerts.filter((_, i) => boxes[i].checked);
	const bulk = h("div", { class: "actions" });
	const all = h("input", { type: "checkbox", id: "choose-all" });
	let whole = false; // all that match, not only what is shown
	const show = () => {
		const n = whole && of ? of.total : chosen().length;
		all.checked = n > 0 && n >= alerts.length;
		bulk.replaceChildren(
			h("span", { class: "choose" }, all, h("label", { for: "choose-all" }, n ? `${count(n)} chosen` : `choose all ${count(alerts.length)}`)),
			of && of.total > alerts.length && all.checked && !whole ? h("button", { type: "button", class: "link", onclick: () => ((whole = true), show()) }, `choose all ${count(of.total)} that match`) : "",
			...actionsOf(ctx.me).filter((x) => !whole || x.id !== "allow").map((x) => h("button", { type: "button", disabled: !n, onclick: () => (whole && of && x.id !== "allow" ? actOnAll(x.id, of.q, ctx) : actionDialog(x.id, chosen(), { me: ctx.me, now: ctx.now(), done: ctx.done })) }, `${x.label}…`)),
		);
	};
	for (const b of boxes)
		b.addEventListener("change", () => ((whole = false), show()));
	all.addEventListener("change", () => {
		whole = false;
		for (const b of boxes)
			b.checked = all.checked;
		show();
	});
	show();
	return h(
		"div",
		{},
		actionsOf(ctx.me).length ? bulk : null,
		table(
			"Alerts",
			[{ head: CHOOSE }, { head: "Severity" }, { head: "What" }, { head: "State" }, { head: "Who" }, { head: "Where" }, { head: "Nodes", css: "num" }, { head: "First (UTC)", css: "num" }],
			alerts.map((a, i) => [
				boxes[i],
				h("span", { class: `tag mark-${a.state === "open" ? a.severity : "acked"}` }, icon(a.state === "open" ? a.severity : "acked"), " ", h("span", { class: "ink" }, a.severity)),
				h("a", { href: formatRoute("alert", a.id) }, `${a.kind} ${alertPort(a)}`.trim()),
				a.state,
				a.door ? said(who(holderOf(a.door), 2), 60) : said(a.summary, 60),
				said(a.nodes, 50),
				count(a.node_count),
				h("time", { datetime: a.first, title: ago(a.first, ctx.now()) }, clock(a.first, ctx.now())),
			]),
		),
	);
}

/**
 * @param {HTMLElement} root
 * @param {Awaited<ReturnType<typeof loadAlerts>>} d
 * @param {Context} ctx
 */
export function drawAlerts(root, d, ctx) {
	const all = !!ctx.route.params.all;
	const alerts = [...d.alerts].sort(worseFirst);
	root.replaceChildren(
		h(
			"div",
			{ class: "page" },
			h(
				"header",
				{ class: "page-head" },
				h("h1", {}, "Alerts"),
				h("p", {}, `${count(alerts.length)}${d.more ? " of more" : ""} ${all ? "ever raised" : "not over"}`),
				h("div", { class: "tabs", role: "group", "aria-label": "Which" }, [["", "not over"], ["1", "all"]].map(([v, label]) => h("button", { type: "button", "aria-pressed": !!v === all ? "true" : "false", onclick: () => ctx.setParams({ all: v }) }, label))),
				command(`ajar alerts${all ? " --all" : ""}`),
			),
			alerts.length ? alertTable(alerts, ctx, all ? undefined : { q: "", total: d.total }) : empty(all ? "No alert was ever raised." : "No alert is open."),
		),
	);
}
