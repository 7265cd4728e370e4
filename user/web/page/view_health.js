// SPDX-License-Identifier: GPL-2.0
/*
 * Health: is everything watched? Agents that are silent, blind or behind, by what is wrong with them, and what to do.
 */
import { get } from "./api.js";
import { command, empty, facts, h, icon, said, table } from "./dom.js";
import { formatRoute } from "./route.js";
import { ago, bytes, clock, count, counted, duration, foldNodes, skew } from "./text.js";

/** @typedef {import("./main.js").Context} Context */
/** @typedef {import("./types").NodeObject} NodeObject */

const ASKED = 60; // nodes whose details are shown
const MEANS = /** @type {Record<string, [string, string]>} */ ({
	silent: ["nobody knows what opens there", "systemctl status ajar-agent ajar-ship"],
	stopped: ["shut down in order: nothing is recorded there", "systemctl start ajar-agent ajar-ship"],
	stalled: ["reports, but its agent sends no heartbeat: nothing is recorded", "systemctl restart ajar-agent"],
	"agent-stalled": ["reports, but its agent sends no heartbeat: nothing is recorded", "systemctl restart ajar-agent"],
	"agent-stopped": ["reports, but its agent was stopped: nothing is recorded", "systemctl start ajar-agent"],
	blind: ["its sensor is attached but sees nothing", "ajar doctor"],
	never: ["known, but has never reported", "ajar doctor"],
	unknown: ["nothing came since its last event; whether its agent runs is to be asked there", "ajar doctor"],
});

/** @param {Context} ctx */
function unwell(ctx) {
	const c = ctx.cluster;
	/** @type {Map<string, number[]>} */
	const by = new Map();
	for (let i = 0; i < c.size; i++) {
		if (c.well(i))
			continue;
		const word = c.never(i) ? "never" : c.health(i);
		by.set(word, [...(by.get(word) ?? []), i]);
	}
	return by;
}

/** @param {Context} ctx */
export async function loadHealth(ctx) {
	const rows = [...unwell(ctx).values()].flat().slice(0, ASKED);
	const names = rows.map((i) => ctx.cluster.n.name[i]).filter((n) => !/[\s,[\]]/.test(n));
	/** @type {import("./types").List<NodeObject> | null} */
	const details = names.length ? await get("nodes", { q: `node:${foldNodes(names)}`, limit: ASKED }) : null;
	return { details: details?.items ?? [], alerts: ctx.alerts.filter((a) => ["silent", "lost", "tampered", "overdue", "unseen"].includes(a.kind)) };
}

/**
 * @param {HTMLElement} root
 * @param {Awaited<ReturnType<typeof loadHealth>>} d
 * @param {Context} ctx
 */
export function drawHealth(root, d, ctx) {
	const c = ctx.cluster;
	const by = unwell(ctx);
	const well = c.size - [...by.values()].reduce((n, rows) => n + rows.length, 0);
	root.replaceChildren(
		h(
			"div",
			{ class: "page" },
			h("header", { class: "page-head" }, h("h1", {}, "Health"), h("p", {}, "Is every node watched, and is what was recorded whole?"), command("ajar doctor")),
			h(
				"section",
				{},
				facts([
					["recording", `${count(well)} of ${counted(c.size, "node")}`],
					["judging", c.judgedBehind === null ? h("span", { class: "flag" }, "no monitor judges what is recorded") : `${duration(c.judgedBehind)} behind`],
					["store", ctx.me.store],
					["this page", ctx.live ? "follows the server's events" : `does not hear from the server since ${clock(ctx.lostSince)} UTC`],
					["ajar", ctx.me.ajar],
					["chain of records", ["is checked by ", command("ajar timeline verify")]],
				]),
			),
			d.alerts.length
				? h("section", {}, h("h2", {}, "Alerts about witnesses"), h("ul", { class: "alert-lines" }, d.alerts.map((a) => h("li", { class: a.severity }, icon(a.severity, a.severity), " ", h("a", { href: formatRoute("alert", a.id) }, a.kind), " ", said(a.summary, 200)))))
				: null,
			h(
				"section",
				{},
				h("h2", {}, "Not recording"),
				by.size
					? table(
							"Nodes that do not record, by what is wrong",
							[{ head: "State" }, { head: "Nodes", css: "num" }, { head: "Which" }, { head: "Means" }, { head: "There" }],
							[...by].sort((a, b) => a[1].length - b[1].length).map(([word, rows]) => [
								said(word, 30), count(rows.length), said(foldNodes(rows.map((i) => c.n.name[i])), 120), MEANS[word]?.[0] ?? "", command(MEANS[word]?.[1] ?? "ajar doctor"),
							]),
						)
					: c.size
						? empty("Every node that is known records.")
						: empty("No node has reported to this store yet.", "ajar doctor"),
			),
			d.details.length
				? h(
						"section",
						{},
						h("h2", {}, "Each of them"),
						table(
							"Nodes that do not record",
							[{ head: "Node" }, { head: "State" }, { head: "Last report", css: "num" }, { head: "Wrong" }, { head: "Lost", css: "num" }, { head: "Waits", css: "num" }, { head: "Journal", css: "num" }, { head: "Clock", css: "num" }],
							d.details.map((n) => [
								h("a", { href: formatRoute("node", n.node) }, said(n.node, 48)),
								said(n.state, 30),
								ago(n.health?.last_report ?? n.last_heard, ctx.now()),
								said((n.health?.issues ?? []).join(", "), 80),
								n.lost ? h("span", { class: "flag" }, count(n.lost)) : "0",
								n.health ? counted(n.health.backlog_records, "record") : "",
								n.health ? `${bytes(n.health.journal_bytes)} of ${bytes(n.health.journal_max_bytes)}` : "",
								n.health ? skew(n.health.clock_skew_ms) : "",
							]),
						),
						[...by.values()].flat().length > ASKED ? h("p", { class: "dim" }, `The first ${ASKED}.`) : null,
					)
				: null,
		),
	);
}
