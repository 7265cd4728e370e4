// SPDX-License-Identifier: GPL-2.0
/*
 * What the keys do.
 */
import { h, icon } from "./dom.js";
import { MARKS, MARK_WORDS } from "./state.js";

const KEYS = [
	["j k", "next and previous alert"],
	["Enter", "open it"],
	["a s p", "acknowledge, snooze, allow in the profile"],
	["n N", "next and previous node that is not well"],
	["arrows", "move in the map or along the timeline: what was at its stretch is shown"],
	["Esc", "back from the past to now"],
	["/", "search"],
	["g then c n a p s h", "go to cluster, nodes, alerts, profiles, scans, health"],
	["Esc", "close"],
	["?", "this"],
];

export function showHelp() {
	const dialog = h(
		"dialog",
		{ class: "help", "aria-labelledby": "help-title" },
		h("h2", { id: "help-title" }, "Keys and marks"),
		h("dl", { class: "keys" }, KEYS.map(([keys, what]) => h("div", {}, h("dt", {}, keys.split(" ").flatMap((k, i) => [i ? " " : "", k === "then" ? k : h("kbd", {}, k)])), h("dd", {}, what)))),
		h("ul", { class: "legend" }, MARKS.map((m) => h("li", { class: `mark-${m}` }, icon(m), MARK_WORDS[m]))),
		h("p", { class: "dim" }, "Times are UTC, as on the command line. Search takes its filter words: tcp, :4444, exe:nc, user:mlee, node:n[1-9], class:gpu, state:unexpected."),
		h("form", { method: "dialog" }, h("button", {}, "Close")),
	);
	dialog.addEventListener("close", () => dialog.remove());
	document.body.append(dialog);
	dialog.showModal();
}
