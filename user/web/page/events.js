// SPDX-License-Identifier: GPL-2.0
/*
 * Lines of the timeline: openings, closings, alerts, what scans saw.
 */
import { h, icon, said } from "./dom.js";
import { endpoint, holderOf, loudness, who } from "./fold.js";
import { formatRoute } from "./route.js";
import { clock, counted, duration } from "./text.js";
import { openDrawer } from "./evidence.js";

/** @typedef {import("./types").DoorEvent} DoorEvent */

const SIGNS = /** @type {Record<string, string>} */ ({ open: "+", close: "−", alert: "!", scan: "?", lost: "⚠", gap: "⚠", start: "▸", stop: "▪" });

/** @param {string | null} verdict */
export function verdictTag(verdict) {
	const loud = loudness(verdict);
	return h("span", { class: `verdict loud-${loud}` }, loud === 3 ? icon("critical") : loud === 2 ? icon("warning") : null, verdict ?? "not judged");
}

/** @param {DoorEvent} e */
function what(e) {
	const x = /** @type {any} */ (e);
	switch (e.event) {
	case "alert":
		return [h("a", { href: formatRoute("alert", x.id) }, `alert ${x.id} ${x.state}`), `, ${x.severity}: `, said(x.summary, 120)];
	case "scan":
		return [`scan ${x.scan}: ${x.proto} ${x.port} ${x.was ?? "unknown"} → ${x.state}`, x.service ? [" (", said(x.service, 60), ")"] : ""];
	case "lost":
	case "gap":
		return [x.since ? `nothing was watched for ${duration((Date.parse(x.time) - Date.parse(x.since)) / 1000)}` : `${counted(e.count ?? 0, "record")} lost`, e.reason ? [": ", said(e.reason, 100)] : ""];
	case "start":
	case "stop":
		return [e.event === "start" ? "recording starts" : "recording stops", e.reason ? [": ", said(e.reason, 160)] : ""];
	default:
		return e.port === null && !e.proto
			? [e.event, e.reason ? [": ", said(e.reason, 120)] : ""]
			: [
					h("button", { type: "button", class: "link", onclick: () => openDrawer(e, Date.now()) }, `${e.proto ?? "?"} ${endpoint(e)}`),
					" ",
					said(who(e.event === "close" ? e.opener : holderOf(e), 2), 70),
					e.where ? [" in ", said(e.where, 60)] : "",
					e.event === "close" && e.duration_ms !== null && e.duration_ms !== undefined ? ` was open ${duration(e.duration_ms / 1000)}` : "",
				];
	}
}

/**
 * @param {DoorEvent[]} events
 * @param {number} now
 * @param {number} max what was asked for: as many means there may be more
 * @param {boolean} [withNode]
 */
export function eventLines(events, now, max, withNode = true) {
	return h(
		"div",
		{},
		h(
			"ol",
			{ class: "events" },
			events.map((e) =>
				h(
					"li",
					{ class: `event ${e.event}` },
					h("time", { datetime: e.time, title: `${clock(e.time)} UTC` }, clock(e.time, now)),
					h("span", { class: "sign", title: e.event }, h("span", { "aria-hidden": "true" }, SIGNS[e.event] ?? "·"), h("span", { class: "sr" }, e.event)),
					withNode ? h("a", { href: formatRoute("node", e.node) }, said(e.node, 32)) : null,
					h("span", { class: "event-what" }, what(e), e.verdict && (e.event === "open" || e.event === "close") && loudness(e.verdict) > 1 ? [" ", verdictTag(e.verdict)] : null),
				),
			),
		),
		events.length >= max ? h("p", { class: "dim" }, `The newest ${max}; a shorter stretch shows the rest.`) : null,
	);
}
