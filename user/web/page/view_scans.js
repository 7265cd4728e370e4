// SPDX-License-Identifier: GPL-2.0
/*
 * Scans: how old the view from outside is, what runs and waits, what ended, and the plans.
 */
import { get } from "./api.js";
import { command, empty, facts, h, said, table } from "./dom.js";
import { QUESTIONS } from "./state.js";
import { ago, clock, count, counted, duration } from "./text.js";

/** @typedef {import("./main.js").Context} Context */
/** @typedef {import("./types").Scan} Scan */
/** @typedef {import("./types").Plan} Plan */

/** @returns {Promise<import("./types").List<Scan> & {plans: Plan[]}>} */
export function loadScans() {
	return get("scans", { limit: 100 });
}

/** @param {Scan} x */
function progress(x) {
	return x.hosts ? h("span", { class: "progress" }, h("progress", { max: x.hosts, value: x.hosts_seen, "aria-label": `hosts of scan ${x.scan}` }), ` ${count(x.hosts_seen)} of ${count(x.hosts)}`) : "";
}

/**
 * @param {HTMLElement} root
 * @param {Awaited<ReturnType<typeof loadScans>>} d
 * @param {Context} ctx
 */
export function drawScans(root, d, ctx) {
	const c = ctx.cluster;
	const q = /** @type {import("./state.js").Question} */ (QUESTIONS.find((x) => x.id === "outside"));
	const ages = q.steps.map(() => 0);
	for (let i = 0; i < c.size; i++)
		ages[q.value(c, i, ctx.now() / 1000)]++;
	const active = d.items.filter((x) => x.state === "running" || x.state === "queued");
	const over = d.items.filter((x) => x.state !== "running" && x.state !== "queued");
	root.replaceChildren(
		h(
			"div",
			{ class: "page" },
			h("header", { class: "page-head" }, h("h1", {}, "Scans"), h("p", {}, "The view from outside: what answers, whatever the kernel says"), command("ajar scan ls")),
			h("section", {}, h("h2", {}, "How old the view is"), c.size ? facts(q.steps.map((label, i) => [label, counted(ages[i], "node")])) : empty("No node is known yet.")),
			h(
				"section",
				{},
				h("h2", {}, "Running and waiting"),
				active.length
					? table(
							"Scans that run or wait",
							[{ head: "Scan", css: "num" }, { head: "State" }, { head: "Plan" }, { head: "Kind" }, { head: "Hosts" }, { head: "Nodes" }, { head: "Since" }],
							active.map((x) => [String(x.scan), x.state, said(x.plan ?? "by hand", 40), x.kind, progress(x), said(x.nodes, 60), ago(x.started ?? x.created, ctx.now())]),
						)
					: empty("No scan runs or waits.", "ajar scan"),
			),
			h(
				"section",
				{},
				h("h2", {}, "Plans"),
				d.plans.length
					? table(
							"Plans",
							[{ head: "Plan" }, { head: "Kind" }, { head: "Ports" }, { head: "Of" }, { head: "Every", css: "num" }, { head: "Window (UTC)" }, { head: "Last run", css: "num" }],
							d.plans.map((p) => [[said(p.plan, 40), p.enabled ? "" : h("span", { class: "dim" }, " (off)")], p.kind, said(p.ports, 60), said(p.nodes || p.class || "all nodes", 60), p.every_s ? duration(p.every_s) : "by hand", said(p.window || "always", 40), ago(p.last_run, ctx.now())]),
						)
					: empty("No plan: nothing is scanned by itself.", "ajar scan plans set daily every=1d"),
			),
			h(
				"section",
				{},
				h("h2", {}, "Ended"),
				over.length
					? table(
							"Scans that ended",
							[{ head: "Scan", css: "num" }, { head: "State" }, { head: "Plan" }, { head: "Kind" }, { head: "Hosts", css: "num" }, { head: "Nodes" }, { head: "Ended (UTC)", css: "num" }, { head: "Took", css: "num" }, { head: "Why" }],
							over.map((x) => [
								String(x.scan),
								x.state === "failed" ? h("span", { class: "flag" }, x.state) : x.state,
								said(x.plan ?? "by hand", 40),
								x.kind,
								`${count(x.hosts_seen)} of ${count(x.hosts)}`,
								said(x.nodes, 60),
								x.ended ? clock(x.ended, ctx.now()) : "",
								x.ended && x.started ? duration((Date.parse(x.ended) - Date.parse(x.started)) / 1000) : "",
								said(x.reason ?? "", 100),
							]),
						)
					: empty("No scan has ended yet: whether a door is reachable, or something hides from the sensor, is not known.", "ajar scan"),
			),
		),
	);
}
