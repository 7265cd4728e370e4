// SPDX-License-Identifier: GPL-2.0
/*
 * Profiles: the classes, and the rows of one with how often each matched; what the learner proposes as a difference.
 */
import { get, part } from "./api.js";
import { command, empty, h, said, table } from "./dom.js";
import { formatRoute } from "./route.js";
import { ago, clock, count, counted, shellWord } from "./text.js";

/** @typedef {import("./main.js").Context} Context */
/** @typedef {import("./types").Profile} Profile */
/** @typedef {import("./types").Rule} Rule */

/** @returns {Promise<import("./types").List<Profile>>} */
export function loadProfiles() {
	return get("profiles");
}

/** @param {HTMLElement} root @param {import("./types").List<Profile>} d @param {Context} ctx */
export function drawProfiles(root, d, ctx) {
	root.replaceChildren(
		h(
			"div",
			{ class: "page" },
			h("header", { class: "page-head" }, h("h1", {}, "Profiles"), h("p", {}, "What is normal, by class of nodes"), command("ajar profile")),
			d.items.length
				? table(
						"Classes and their profiles",
						[{ head: "Class" }, { head: "State" }, { head: "Rows", css: "num" }, { head: "Nodes", css: "num" }, { head: "Accepted (UTC)", css: "num" }, { head: "Next" }],
						d.items.map((p) => [
							h("a", { href: formatRoute("profile", p.class) }, said(p.class, 60)),
							p.accepted ? "accepted" : h("span", { class: "flag" }, "learning: nothing there alerts"),
							count(p.rows),
							count(p.nodes),
							p.accepted_at ? clock(p.accepted_at, ctx.now()) : "",
							p.accepted ? "" : command(`ajar profile learn ${shellWord(p.class)}`),
						]),
					)
				: empty("There is no class yet: one is there as soon as a node of it has reported.", "ajar node class"),
		),
	);
}

/** @param {string} name @returns {Promise<import("./types").List<Rule> & {proposals?: Rule[]}>} */
export function loadProfile(name) {
	return get(`profiles/${part(name)}`);
}

/**
 * What a row says, as the command line writes it.
 * @param {Rule} r
 */
export function ruleText(r) {
	const parts = [r.action];
	parts.push(r.protocol ?? "any");
	if (r.port !== null)
		parts.push(r.port_end ? `${r.port}-${r.port_end}` : String(r.port));
	if (r.scope)
		parts.push(`scope ${r.scope}`);
	for (const k of /** @type {const} */ (["exe", "package", "sha256", "argv", "user", "job", "container"]))
		if (r[k])
			parts.push(`${k} ${shellWord(/** @type {string} */ (r[k]))}`);
	if (r.severity)
		parts.push(`severity ${r.severity}`);
	return parts.join(" ");
}

/**
 * @param {HTMLElement} root
 * @param {Awaited<ReturnType<typeof loadProfile>>} d
 * @param {Context} ctx
 */
export function drawProfile(root, d, ctx) {
	const name = ctx.route.arg;
	const about = ctx.profiles?.find((p) => p.class === name);
	const dead = d.items.filter((r) => !r.hits).length;
	const flawed = d.items.filter((r) => r.flaw).length;
	root.replaceChildren(
		h(
			"div",
			{ class: "page" },
			h(
				"header",
				{ class: "page-head" },
				h("h1", {}, "Profile ", said(name, 60)),
				h("p", {}, about ? `${about.accepted ? `accepted ${clock(about.accepted_at)} UTC` : "learning: nothing there alerts"} · ${counted(about.nodes, "node")} · ` : "", `${counted(d.items.length, "row")}${dead ? `, ${dead} never matched` : ""}${flawed ? `, ${flawed} to look at` : ""}`),
				command(`ajar profile show ${shellWord(name)}`),
			),
			d.proposals?.length
				? h(
						"section",
						{},
						h("h2", {}, "Proposed"),
						h("ul", { class: "diff" }, d.proposals.map((r) => h("li", {}, h("span", { "aria-hidden": "true" }, "+ "), h("span", { class: "mono" }, said(ruleText(r), 160)), r.reason ? [" ", h("span", { class: "dim" }, said(r.reason, 120))] : ""))),
						command("ajar profile accept"),
					)
				: null,
			d.items.length
				? table(
						"Rows of the profile",
						[{ head: "Id", css: "num" }, { head: "Row" }, { head: "Service" }, { head: "Hits", css: "num" }, { head: "Last match", css: "num" }, { head: "Origin" }, { head: "By" }, { head: "Expires (UTC)", css: "num" }, { head: "Note" }],
						d.items.map((r) => [
							r.id === null ? "-" : String(r.id),
							said(ruleText(r), 140, "mono"),
							said(r.service ?? "", 40),
							r.hits ? count(r.hits) : h("span", { class: "dim" }, "0"),
							r.last_match ? ago(r.last_match, ctx.now()) : h("span", { class: "dim" }, "never"),
							said(r.origin ?? "", 30),
							said(r.author ?? "", 30),
							r.expires ? clock(r.expires) : "",
							r.flaw ? h("span", { class: "flag" }, said(r.flaw, 120)) : said(r.reason ?? "", 120),
						]),
					)
				: empty("This class has no row: everything that opens there would be unexpected once the profile is accepted.", `ajar profile learn ${shellWord(name)}`),
			h("p", {}, "Doors of this class: ", h("a", { href: formatRoute("find", "", { q: `class:${name}` }) }, said(`class:${name}`, 60))),
		),
	);
}
