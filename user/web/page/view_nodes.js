// SPDX-License-Identifier: GPL-2.0
/*
 * The nodes as a list: the way to them without a mouse and without the map. From the state alone, so that ten thousand cost
 * nothing.
 */
import { command, empty, h, icon, said, table } from "./dom.js";
import { formatRoute } from "./route.js";
import { MARKS, MARK_WORDS, rarestFirst } from "./state.js";
import { ago, count } from "./text.js";

/** @typedef {import("./main.js").Context} Context */

const PAGE = 200;

/**
 * The state tells when a node was heard to some minutes only.
 * @param {number} s
 * @param {number} now ms
 */
function heard(s, now) {
	return s && now / 1000 - s < 180 ? "under 3 min ago" : ago(s, now);
}

/** @param {HTMLElement} root @param {Context} ctx */
export function drawNodes(root, ctx) {
	const c = ctx.cluster;
	const { only, name = "", page = "0" } = ctx.route.params;
	const counts = c.counts();
	const wanted = name.toLowerCase();
	const rows = [];
	for (let i = 0; i < c.size; i++)
		if ((!only || c.mark(i) === only) && (!wanted || c.n.name[i].toLowerCase().includes(wanted) || (c.classes[c.n.class[i]] ?? "").toLowerCase().includes(wanted)))
			rows.push(i);
	const rank = new Map(MARKS.map((m, i) => [m, i]));
	rows.sort((a, b) => (rank.get(c.mark(a)) ?? 0) - (rank.get(c.mark(b)) ?? 0) || c.n.name[a].localeCompare(c.n.name[b], "en", { numeric: true }));
	const from = Math.min(Math.max(0, Number(page) || 0) * PAGE, Math.max(0, rows.length - 1));
	const shown = rows.slice(from, from + PAGE);
	/** @type {HTMLInputElement} */
	const input = h("input", { type: "search", id: "node-name", value: name, maxlength: 200, oninput: () => ctx.setParams({ name: input.value, page: "" }, true) });
	root.replaceChildren(
		h(
			"div",
			{ class: "page" },
			h("header", { class: "page-head" }, h("h1", {}, "Nodes"), h("p", {}, `${count(c.size)} known to this store`), command("ajar node")),
			h(
				"div",
				{ class: "bar-row" },
				h("ul", { class: "chips", "aria-label": "By state" }, rarestFirst(counts).map((m) => h("li", {}, h("button", { type: "button", class: `chip mark-${m}`, "aria-pressed": only === m ? "true" : "false", onclick: () => ctx.setParams({ only: only === m ? "" : m, page: "" }) }, icon(m), h("b", {}, count(counts[m])), ` ${MARK_WORDS[m]}`)))),
				h("span", {}, h("label", { for: "node-name" }, "Name or class "), input),
			),
			!c.size
				? empty("No node has reported to this store yet.", "ajar doctor")
				: !rows.length
					? empty("No node has this name and state.")
					: table(
							"Nodes",
							[{ head: "State" }, { head: "Node" }, { head: "Class" }, ...(c.has.rack ? [{ head: "Rack" }] : []), { head: "Alerts", css: "num" }, { head: "Agent" }, { head: "Health" }, { head: "Last heard", css: "num" }, { head: "Opened in 1 h", css: "num" }, { head: "Scanned", css: "num" }],
							shown.map((i) => [
								h("span", { class: `tag mark-${c.mark(i)}` }, icon(c.mark(i)), " ", h("span", { class: "ink" }, MARK_WORDS[c.mark(i)])),
								h("a", { href: formatRoute("node", c.n.name[i]) }, said(c.n.name[i], 48)),
								said(c.classes[c.n.class[i]] ?? "", 30),
								...(c.has.rack ? [said(c.racks[c.n.rack[i]] ?? "", 30)] : []),
								c.n.alerts[i] ? count(c.n.alerts[i]) : "",
								said(c.versions[c.n.agent[i]] ?? "", 30),
								said(c.health(i), 30),
								heard(c.n.last[i], ctx.now()),
								c.n.opened_hour[i] ? count(c.n.opened_hour[i]) : "",
								ago(c.n.scan[i], ctx.now()),
							]),
						),
			rows.length > PAGE
				? h(
						"nav",
						{ class: "actions", "aria-label": "Pages of the list" },
						h("button", { type: "button", disabled: from === 0, onclick: () => ctx.setParams({ page: String(Math.floor(from / PAGE) - 1 || "") }) }, "Before"),
						h("span", {}, `${count(from + 1)} to ${count(from + shown.length)} of ${count(rows.length)}`),
						h("button", { type: "button", disabled: from + PAGE >= rows.length, onclick: () => ctx.setParams({ page: String(Math.floor(from / PAGE) + 1) }) }, "After"),
					)
				: null,
		),
	);
}
