// SPDX-License-Identifier: GPL-2.0
/*
 * The cluster on one screen: the answer, the counts, the map, what waits for a decision, and the last day.
 */
import { ApiError, getOr } from "./api.js";
import { actionDialog, actionsOf, alertCard } from "./alert_card.js";
import { empty, h, icon, keyed } from "./dom.js";
import { NodeMap } from "./map.js";
import { PAST_EVENTS, loadPast, stretch } from "./past.js";
import { formatRoute } from "./route.js";
import { GROUPINGS, MARK_WORDS, QUESTIONS, groups, questions, rarestFirst } from "./state.js";
import { Strip } from "./strip.js";
import { ago, clock, count, counted } from "./text.js";
import { eventLines } from "./events.js";

/** @typedef {import("./main.js").Context} Context */
/** @typedef {import("./types").Alert} Alert */

const DAY_MS = 86400000;
const BUCKETS = 144;

/** @param {HTMLElement} root @param {Context} ctx */
export function clusterView(root, ctx) {
	const chips = h("ul", { class: "chips", "aria-label": "Nodes by state, rarest first" });
	const mapBox = h("div", { class: "map-box" });
	const mapStatus = h("p", { class: "map-status", id: "map-status", "aria-live": "polite" });
	const legend = h("ul", { class: "legend", "aria-label": "Legend" });
	/** @type {HTMLSelectElement} */
	const ask = h("select", { id: "map-ask", onchange: () => ctx.setParams({ ask: ask.value === "wrong" ? "" : ask.value }) });
	/** @type {HTMLSelectElement} */
	const by = h(
		"select",
		{ id: "map-by", onchange: () => ctx.setParams({ by: by.value === "class" ? "" : by.value }) },
	);
	const list = h("ol", { class: "cards" });
	const inboxTitle = h("h2", { id: "inbox-title" });
	const inboxNote = h("div", { class: "inbox-note" });
	const inbox = h("section", { class: "inbox", "aria-labelledby": "inbox-title" }, h("div", { class: "pane-head" }, inboxTitle), list, inboxNote);
	const stripBox = h("div", { class: "strip-box" });
	const stripStatus = h("p", { class: "strip-status", id: "strip-status", "aria-live": "polite" });
	root.replaceChildren(
		h(
			"div",
			{ class: "cluster", id: "cluster" },
			h("h1", { class: "sr" }, "Cluster"),
			h(
				"section",
				{ class: "map", "aria-label": "Map" },
				h("div", { class: "pane-head" }, chips),
				mapBox,
				h(
					"div",
					{ class: "map-foot" },
					h("div", { class: "map-controls" }, h("label", { for: "map-ask" }, "Fill by"), ask, h("label", { for: "map-by" }, "group by"), by),
					legend,
					mapStatus,
				),
			),
			inbox,
			h("section", { class: "strip", "aria-labelledby": "strip-title" }, h("div", { class: "pane-head" }, h("h2", { id: "strip-title" }, "Last 24 hours"), stripStatus), stripBox),
		),
	);
	const map = new NodeMap(mapBox, mapStatus, (row) => ctx.go(formatRoute("node", shown().cluster.n.name[row])));
	const strip = new Strip(stripBox, stripStatus, (from, to) =>
		ctx.setParams({ from: from ? String(Math.round(from / 1000)) : "", to: to ? String(Math.round(to / 1000)) : "" }),
	);

	let selected = -1;
	let brushed = "";

	/** What is shown: the present, or the past that the address names. */
	const shown = () => ctx.past ?? ctx;

	/**
	 * Nodes that a chip asks for.
	 * @returns {Set<number> | null}
	 */
	const lit = () => {
		const only = ctx.route.params.only;
		const c = shown().cluster;
		if (!only)
			return null;
		const rows = new Set();
		for (let i = 0; i < c.size; i++)
			if (c.mark(i) === only)
				rows.add(i);
		return rows;
	};

	const drawChips = () => {
		const counts = shown().cluster.counts();
		const only = ctx.route.params.only;
		keyed(
			chips,
			rarestFirst(counts),
			(m) => m,
			(m) =>
				h(
					"li",
					{},
					h(
						"button",
						{ type: "button", class: `chip mark-${m}`, "aria-pressed": only === m ? "true" : "false", onclick: () => ctx.setParams({ only: ctx.route.params.only === m ? "" : m }) },
						icon(m),
						h("b", {}, count(counts[m])),
						` ${MARK_WORDS[m]}`,
					),
				),
			(m) => [counts[m], only === m],
		);
	};

	const drawMap = () => {
		const c = shown().cluster;
		const question = questions(c).find((q) => q.id === ctx.route.params.ask) ?? QUESTIONS[0];
		const groupings = GROUPINGS.filter((g) => g.id !== "rack" || c.has.rack);
		const how = groupings.find((g) => g.id === ctx.route.params.by)?.id ?? "class";
		options(ask, questions(c), question.id);
		options(by, groupings, how);
		if (!c.size) {
			legend.replaceChildren();
			map.show(c, [], question, null);
			if (!mapBox.querySelector(".empty"))
				mapBox.append(ctx.past ? empty("No node was known to this store then.") : empty("No node has reported to this store yet.", "ajar doctor"));
			return;
		}
		mapBox.querySelector(".empty")?.remove();
		// Of marks the chips above are the legend.
		legend.replaceChildren(...question.steps.map((text, i) => h("li", {}, h("span", { class: `swatch step-${i}` }), text)));
		map.show(c, groups(c, how), question, lit());
	};

	const openAlerts = () => shown().alerts.filter((a) => a.state === "open");

	const drawInbox = () => {
		const past = ctx.past;
		const alerts = openAlerts();
		const now = past?.at ?? ctx.now();
		inboxTitle.textContent = `${past ? "Open then" : "Needs a decision"}: ${alerts.length ? `${count(alerts.length)}${shown().moreAlerts ? " and more" : ""}` : "nothing"}`;
		if (selected < 0 || !alerts.some((a) => a.id === selected))
			selected = Number(ctx.route.params.sel) || (alerts[0]?.id ?? -1);
		if (!alerts.some((a) => a.id === selected))
			selected = alerts[0]?.id ?? -1;
		keyed(
			list,
			alerts,
			(a) => String(a.id),
			(a) =>
				alertCard(a, {
					selected: a.id === selected,
					now,
					me: ctx.me,
					past: !!past,
					onSelect: () => select(a.id),
					onAction: (id) => act(id, a),
				}),
			(a) => [a, a.id === selected, ago(a.first, now), ctx.me.role, ctx.me.requests, !!past],
		);
		if (past) {
			const [from, to] = [clock(past.from, ctx.now()), clock(past.to, past.from)];
			const open = /** @type {HTMLDetailsElement | null} */ (inboxNote.querySelector("details"))?.open ?? roomy();
			inboxNote.replaceChildren(h("details", { open },
				h("summary", {}, `${past.events.length === PAST_EVENTS ? "The newest " : ""}${counted(past.events.length, "change")} between ${from} and ${to} UTC`),
				past.events.length ? eventLines(past.events, past.at, PAST_EVENTS) : empty("Nothing opened, closed or was found in this stretch."),
			));
			return;
		}
		inboxNote.replaceChildren(
			...(alerts.length
				? ctx.moreAlerts ? [h("p", {}, h("a", { href: formatRoute("alerts") }, "All alerts"))] : []
				: [h("div", { class: "empty" }, h("p", {}, quietWhy(ctx)), h("p", {}, h("a", { href: formatRoute("alerts", "", { all: "1" }) }, "Alerts that are over")))]),
		);
	};

	/** @param {number} id */
	const select = (id) => {
		if (id === selected)
			return;
		selected = id;
		drawInbox();
		const card = list.querySelector(`[data-key="${id}"]`);
		card?.scrollIntoView({ block: "nearest" });
	};

	/** @param {import("./alert_card.js").ActionId} id @param {Alert} a */
	const act = (id, a) => {
		if (ctx.past || !actionsOf(ctx.me).length)
			return;
		actionDialog(id, [a], { me: ctx.me, now: ctx.now(), done: (text) => ctx.done(text) });
	};

	const drawStrip = async () => {
		const now = ctx.now();
		// Whole buckets, so that the same question is asked (and kept) for ten minutes.
		const step = DAY_MS / BUCKETS;
		const until = Math.ceil(now / step) * step;
		const data = await getOr("histogram", { since: new Date(until - DAY_MS).toISOString(), until: new Date(until).toISOString(), buckets: BUCKETS }, /** @type {import("./types").Histogram | null} */ (null));
		stripBox.hidden = !data;
		if (!data) {
			stripStatus.textContent = "This server does not tell what happened when; 'ajar timeline' does.";
			return;
		}
		const { from, to } = ctx.route.params;
		strip.show(data, Number(from ?? 0) * 1000, Number(to ?? 0) * 1000);
	};

	const backToNow = () => ctx.setParams({ from: "", to: "" });

	/** The past stands until another one is asked for: the present does not come between. */
	const takePast = async () => {
		const s = stretch(ctx.route.params);
		const key = s ? `${s.from}-${s.to}` : "";
		if (key === brushed)
			return;
		brushed = key;
		if (!s) {
			ctx.setPast(null);
			strip.clear();
			return;
		}
		try {
			const past = await loadPast(s, ctx.now());
			if (brushed === key)
				ctx.setPast(past);
		} catch (e) {
			if (brushed === key)
				brushed = "-";
			// A time that is yet to come, or nothing that a store can know.
			if (e instanceof ApiError && e.status === 400)
				backToNow();
			throw e;
		}
	};

	return {
		title: "Cluster",
		async refresh() {
			await takePast();
			drawChips();
			drawMap();
			drawInbox();
			await drawStrip();
		},
		/** Only rows of the state have changed. */
		changed() {
			drawChips();
			drawMap();
			drawInbox();
		},
		repaint() {
			map.repaint();
			strip.draw();
		},
		/** @param {string} key */
		key(key) {
			const alerts = openAlerts();
			const at = alerts.findIndex((a) => a.id === selected);
			const a = alerts[at];
			if (key === "j" || key === "k") {
				const next = alerts[Math.max(0, Math.min(alerts.length - 1, at + (key === "j" ? 1 : -1)))];
				if (next)
					select(next.id);
			} else if (key === "Enter" && a) {
				ctx.go(formatRoute("alert", a.id));
			} else if (key === "n" || key === "N") {
				map.move(map.nextUnwell(key === "n" ? 1 : -1));
				map.canvas.focus();
			} else if (key === "Escape" && ctx.past) {
				backToNow();
			} else if (a && (key === "a" || key === "s" || key === "p")) {
				act(key === "a" ? "ack" : key === "s" ? "snooze" : "allow", a);
			} else {
				return false;
			}
			return true;
		},
		map,
	};
}

/**
 * @param {HTMLSelectElement} select
 * @param {{id: string, label: string}[]} list
 * @param {string} value
 */
function options(select, list, value) {
	const sign = list.map((o) => o.id).join();
	if (select.dataset.sign !== sign) {
		select.replaceChildren(...list.map((o) => h("option", { value: o.id }, o.label)));
		select.dataset.sign = sign;
	}
	select.value = value;
}

/** On a phone the map comes below the inbox: a long list would push it away. */
function roomy() {
	return matchMedia("(min-width: 900px)").matches;
}

/** @param {Context} ctx */
function quietWhy(ctx) {
	const learning = (ctx.profiles ?? []).filter((p) => !p.accepted);
	if (learning.length && learning.length === ctx.profiles?.length)
		return "Nothing alerts yet: no class has an accepted profile, so nothing is unexpected.";
	return "Every door that is open is as its profile says, or somebody has decided about it.";
}
