// SPDX-License-Identifier: GPL-2.0
/*
 * An alert: as a card of the inbox, and the actions on it. Where the server carries out no requests, the same place shows the
 * command that does it.
 */
import { ApiError, request } from "./api.js";
import { command, h, icon, said } from "./dom.js";
import { endpoint, exeFlags, holderOf, who } from "./fold.js";
import { formatRoute } from "./route.js";
import { ago, clock, count, counted, shellWord } from "./text.js";

/** @typedef {import("./types").Alert} Alert */
/** @typedef {import("./types").Me} Me */

/** What a person may do, with its key, and the command that does the same. */
export const ACTIONS = /** @type {const} */ ([
	{ id: "ack", key: "a", label: "Acknowledge", means: "quiet until it gets worse or is on many more nodes" },
	{ id: "snooze", key: "s", label: "Snooze", means: "quiet until its time is up" },
	{ id: "allow", key: "p", label: "Allow", means: "one narrow row for the profile" },
]);
/** @typedef {(typeof ACTIONS)[number]["id"] | "reopen"} ActionId */

const IDS_SHOWN = 100; // of a command

/**
 * @param {ActionId} action
 * @param {(number | string)[]} ids numbers, or words of a filter
 * @param {string} [reason]
 */
export function actionCommand(action, ids, reason = "") {
	const list = ids.length > IDS_SHOWN ? `${ids.slice(0, IDS_SHOWN).join(" ")} ...` : ids.join(" ");
	const why = reason ? shellWord(reason) : "'...'";
	switch (action) {
	case "ack":
		return `ajar alerts ack ${list} --note ${why}`;
	case "snooze":
		return `ajar alerts snooze ${list} --for 2h --note ${why}`;
	case "allow":
		return `ajar alerts allow ${list} --reason ${why}`;
	default:
		return `ajar alerts reopen ${list} --note ${why}`;
	}
}

/**
 * "tcp 4444", "tcp 4444,5555", or nothing for an alert about a node.
 * @param {Alert} a
 */
export function alertPort(a) {
	return a.proto ? `${a.proto} ${a.ports ?? a.port ?? ""}`.trim() : "";
}

/**
 * Can it be reached, as far as a scan has told.
 * @param {Alert} a
 */
export function reach(a) {
	if (a.door?.scope === "loopback")
		return "loopback only: not reachable";
	if (!a.scan)
		return a.proto ? "not known whether it is reachable: no scan has asked" : "";
	if (a.scan.asked > 1)
		return `reachable on ${a.scan.reachable} of ${counted(a.scan.asked, "node")}`;
	return a.scan.state === "open" ? `reachable from outside at ${a.scan.addr}` : `${a.scan.state} from outside`;
}

/**
 * @param {Alert} a
 * @param {{selected: boolean, now: number, me: Me, past?: boolean, onSelect: () => void, onAction: (id: ActionId) => void}} o past: as it
 *   was then; nothing can be decided about it
 */
export function alertCard(a, o) {
	const process = a.door ? holderOf(a.door) : null;
	const flags = exeFlags(process);
	const reachable = o.past ? "" : reach(a);
	const card = h(
		"li",
		{ class: `card ${a.severity}${o.selected ? " selected" : ""}`, onclick: o.onSelect },
		h(
			"div",
			{ class: "card-head" },
			icon(a.state === "open" ? a.severity : "acked", a.state === "open" ? a.severity : a.state),
			h(
				"a",
				{ class: "card-title", href: formatRoute("alert", a.id), "aria-current": o.selected ? "true" : null },
				h("span", { class: "kind" }, a.kind),
				" ",
				alertPort(a) ? h("span", { class: "port" }, said(alertPort(a), 40)) : null,
			),
			h("time", { datetime: a.first, title: `first seen ${clock(a.first)} UTC` }, ago(a.first, o.now)),
		),
		process ? h("div", { class: "card-who" }, said(who(process), 90)) : h("div", { class: "card-who" }, said(a.summary, 160)),
		h("div", { class: "card-where" }, said(a.nodes, 60, "nodes"), a.node_count > 1 ? ` · ${counted(a.node_count, "node")}` : "", a.class ? [" · ", said(a.class, 40)] : null),
		o.selected ? cardMore(a, process, flags, reachable, o) : null,
	);
	return card;
}

/**
 * @param {Alert} a
 * @param {import("./types").Process | null} process
 * @param {string[]} flags
 * @param {string} reachable
 * @param {{me: Me, past?: boolean, onAction: (id: ActionId) => void}} o
 */
function cardMore(a, process, flags, reachable, o) {
	return h(
		"div",
		{ class: "card-more" },
		process ? h("p", {}, said(a.summary, 300)) : null,
		process?.exe ? h("p", { class: "mono" }, said(process.exe, 100), a.door ? ` on ${endpoint(a.door)}` : "") : null,
		flags.length ? h("p", { class: "flag" }, flags.join(", ")) : null,
		a.why ? h("p", { class: "dim" }, said(a.why, 400)) : null,
		reachable ? h("p", { class: "dim" }, said(reachable, 160)) : null,
		o.past ? null : actionButtons(a, o),
	);
}

/**
 * What this person may ask for here. Where the server takes no requests everything is shown, as commands.
 * @param {Me} me
 */
export function actionsOf(me) {
	if (!me.requests)
		return [...ACTIONS];
	return ACTIONS.filter((x) => me.role === "approver" || (me.role === "operator" && x.id !== "allow"));
}

/** @param {Alert} a @param {{me: Me, onAction: (id: ActionId) => void}} o */
export function actionButtons(a, o) {
	const actions = actionsOf(o.me);
	if (!actions.length)
		return h("p", { class: "dim" }, `As ${o.me.role} you may look, and change nothing.`);
	const button = (/** @type {ActionId} */ id, /** @type {string} */ label, /** @type {string} */ key, /** @type {string} */ means) =>
		h(
			"button",
			{ type: "button", title: means, "aria-keyshortcuts": key || null, onclick: (/** @type {Event} */ e) => (e.stopPropagation(), o.onAction(id)) },
			label,
			key ? h("kbd", { "aria-hidden": "true" }, key) : null,
		);
	return h(
		"div",
		{ class: "actions" },
		a.state === "acknowledged" || a.state === "snoozed"
			? button("reopen", "Reopen", "", "take acknowledge or snooze back")
			: actions.map((x) => button(x.id, `${x.label}${x.id === "ack" ? "" : "…"}`, x.key, x.means)),
	);
}

const SNOOZES = [
	["1 hour", 3600],
	["4 hours", 14400],
	["1 day", 86400],
	["7 days", 604800],
];
const EXPIRIES = [
	["never", 0],
	["1 day", 86400],
	["7 days", 604800],
	["30 days", 2592000],
	["90 days", 7776000],
];

const PREVIEW_MAX = 5; // as the monitor has it

/**
 * What allow would write, and would have silenced.
 * @param {HTMLElement} box
 * @param {number[]} ids
 * @param {Me} me
 */
async function showRule(box, ids, me) {
	if (ids.length > PREVIEW_MAX) {
		box.textContent = `One row for each of the ${count(ids.length)} alerts, as narrow as its door.`;
		return;
	}
	box.textContent = "Asking what it would write…";
	try {
		const { state, answer } = await request({ action: "preview", alerts: ids, reason: "", until: null, ticket: "" }, me.csrf);
		box.textContent = state === "waiting" ? "The monitor has not answered yet: is it running?" : answer;
	} catch (err) {
		box.textContent = err instanceof ApiError ? `${err.message} ${err.fix}` : String(err);
	}
}

/**
 * Asks for what the action needs and carries it out; or shows the command for it.
 * @param {ActionId} action
 * @param {Alert[]} alerts
 * @param {{me: Me, now: number, done: (said: string) => void, about?: string, words?: string}} o about: which they are; words: the filter that
 *   finds them
 */
export function actionDialog(action, alerts, o) {
	const ids = alerts.map((a) => a.id);
	const label = action === "reopen" ? "Reopen" : (ACTIONS.find((x) => x.id === action)?.label ?? action);
	const means = ACTIONS.find((x) => x.id === action)?.means ?? "acknowledge or snooze is taken back";
	const may = o.me.requests && (action === "reopen" ? o.me.role !== "viewer" : actionsOf(o.me).some((x) => x.id === action));
	const dialog = h("dialog", { class: "action", "aria-labelledby": "action-title" });
	const reason = h("textarea", { id: "action-reason", rows: 2, maxlength: 1000, required: action === "allow" || o.about !== undefined });
	const times = action === "snooze" ? SNOOZES : action === "allow" ? EXPIRIES : null;
	const until = times ? h("select", { id: "action-until" }, times.map(([text, s]) => h("option", { value: s }, text))) : null;
	const ticket = action === "allow" ? h("input", { id: "action-ticket", type: "text", maxlength: 100 }) : null;
	const error = h("p", { class: "error", role: "alert" });
	const rule = h("pre", { class: "rule", "aria-live": "polite" });
	const line = h("div", {});
	const showLine = () => line.replaceChildren(command(actionCommand(action, o.words ? o.words.split(/\s+/).filter(Boolean).map(shellWord) : ids, reason.value.trim())));
	reason.addEventListener("input", showLine);
	showLine();
	const form = h(
		"form",
		{ method: "dialog" },
		h("h2", { id: "action-title" }, `${label} ${alerts.length === 1 ? `alert ${ids[0]}` : counted(alerts.length, "alert")}`),
		h("p", { class: "dim" }, `${means[0].toUpperCase()}${means.slice(1)}.`),
		o.about ? h("p", { class: "about" }, o.about) : null,
		h("ul", { class: "plain" }, alerts.slice(0, 8).map((a) => h("li", {}, `${a.kind} ${alertPort(a)} `, said(a.nodes, 60)))),
		alerts.length > 8 ? h("p", { class: "dim" }, `and ${alerts.length - 8} more`) : null,
		h("label", { for: "action-reason" }, action === "allow" ? "Why it may be" : o.about ? "Why, for the log" : "Note for the log"),
		reason,
		until ? [h("label", { for: "action-until" }, action === "snooze" ? "For" : "Expires"), until] : null,
		may && ticket ? [h("label", { for: "action-ticket" }, "Ticket (optional)"), ticket] : null,
		may ? null : h("p", {}, o.me.requests ? `As ${o.me.role} you cannot do this here. On the monitor's host:` : "This page cannot change anything yet. On the monitor's host:"),
		line,
		action === "allow" ? (may ? rule : h("p", { class: "dim" }, "The command shows the row, and what it would have silenced in the last 30 days, before it asks.")) : null,
		error,
		h(
			"div",
			{ class: "actions" },
			may ? h("button", { type: "submit", class: "primary" }, label) : null,
			h("button", { type: "button", onclick: () => dialog.close() }, may ? "Cancel" : "Close"),
		),
	);
	if (may && action === "allow")
		showRule(rule, ids, o.me);
	const send = form.querySelector("button[type=submit]");
	form.addEventListener("submit", async (e) => {
		e.preventDefault();
		if (!may || send?.hasAttribute("disabled"))
			return;
		send?.setAttribute("disabled", "");
		error.textContent = "";
		const seconds = Number(until?.value ?? 0);
		try {
			const answer = await request(
				{ action, alerts: ids, reason: reason.value.trim(), until: seconds ? new Date(o.now + seconds * 1000).toISOString() : null, ticket: ticket?.value ?? "" },
				o.me.csrf,
			);
			if (answer.state === "refused") {
				error.textContent = answer.answer;
				return;
			}
			dialog.close();
			o.done(answer.state === "done" ? answer.answer : "The monitor has not answered yet: is it running?");
		} catch (err) {
			error.textContent = err instanceof ApiError ? `${err.message} ${err.fix}` : String(err);
		} finally {
			send?.removeAttribute("disabled");
		}
	});
	dialog.append(form);
	dialog.addEventListener("close", () => dialog.remove());
	document.body.append(dialog);
	dialog.showModal();
	return dialog;
}
