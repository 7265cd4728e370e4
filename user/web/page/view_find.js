// SPDX-License-Identifier: GPL-2.0
/*
 * What a filter finds: alerts, doors that are open now (alike ones folded over nodes), and what happened; the pivot of an
 * investigation: where else, since when.
 */
import { get, getOr } from "./api.js";
import { command, empty, h, said, table } from "./dom.js";
import { openDrawer } from "./evidence.js";
import { eventLines, verdictTag } from "./events.js";
import { endpoint, foldDoors, holderOf, who } from "./fold.js";
import { shellWord, clock, count, counted } from "./text.js";
import { alertTable } from "./view_alert.js";

/** @typedef {import("./main.js").Context} Context */
/** @typedef {import("./types").DoorEvent} DoorEvent */

const DOORS = 1000;
const EVENTS = 200;
const WEEK_MS = 604800000;

/** @type {import("./types").List<DoorEvent>} */
const none = { items: [], next: null, version: "" };

/** @param {Context} ctx */
export async function loadFind(ctx) {
	const q = ctx.route.params.q ?? "";
	const since = new Date(Math.floor((ctx.now() - WEEK_MS) / 60000) * 60000).toISOString();
	const [alerts, doors, events] = await Promise.all([
		/** @type {Promise<import("./types").List<import("./types").Alert>>} */ (get("alerts", { q, status: "open", limit: 100 })),
		getOr("doors", { q, limit: DOORS }, none),
		getOr("timeline", { q, since, limit: EVENTS }, none),
	]);
	return { alerts: alerts.items, alertsTotal: alerts.total ?? alerts.items.length, doors: doors.items, moreDoors: !!doors.next, events: events.items };
}

/**
 * @param {HTMLElement} root
 * @param {Awaited<ReturnType<typeof loadFind>>} d
 * @param {Context} ctx
 */
export function drawFind(root, d, ctx) {
	const q = ctx.route.params.q ?? "";
	const words = q.split(/\s+/).filter(Boolean).map(shellWord).join(" ");
	const folded = foldDoors(d.doors);
	root.replaceChildren(
		h(
			"div",
			{ class: "page" },
			h(
				"header",
				{ class: "page-head" },
				h("h1", {}, q ? said(q, 80) : "Everything"),
				h("p", {}, `${counted(d.doors.length, "open door")}${d.moreDoors ? " of more" : ""}, ${counted(d.alertsTotal, "open alert")}`),
				command(`ajar ls ${words}`.trim()),
			),
			d.alerts.length ? h("section", {}, h("h2", {}, "Alerts"), alertTable(d.alerts, ctx, { q, total: d.alertsTotal })) : null,
			h(
				"section",
				{},
				h("h2", {}, "Open now"),
				folded.length
					? table(
							"Open doors, alike ones together",
							[{ head: "Door", css: "num" }, { head: "Who" }, { head: "Program" }, { head: "Class" }, { head: "Where" }, { head: "Nodes", css: "num" }, { head: "Verdict" }, { head: "First (UTC)", css: "num" }],
							folded.map((f) => [
								h("button", { type: "button", class: "link", onclick: () => openDrawer(f.door, ctx.now()) }, `${f.door.proto} ${f.node_count > 1 ? f.door.port : endpoint(f.door)}`),
								said(who(holderOf(f.door), 2), 50),
								said(holderOf(f.door)?.exe ?? "", 60, "mono"),
								said(f.door.class ?? "", 30),
								[said(f.nodes, 60), f.door.where ? [" in ", said(f.door.where, 50)] : ""],
								count(f.node_count),
								verdictTag(f.door.verdict),
								clock(f.first, ctx.now()),
							]),
						)
					: empty("No open door matches these words.", `ajar timeline ${words} --since 30d`),
				d.moreDoors ? h("p", { class: "dim" }, `The first ${count(DOORS)} doors; more words make it fewer.`) : null,
			),
			h("section", {}, h("h2", {}, "What happened in the last 7 days"), d.events.length ? eventLines(d.events, ctx.now(), EVENTS) : empty("Nothing that matches these words.")),
		),
	);
}
