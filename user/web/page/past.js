// SPDX-License-Identifier: GPL-2.0
/*
 * The cluster as it was at the end of a stretch of time: nodes, alerts and what happened in the stretch. It is asked for once and
 * stands still; the stream goes on for the present.
 */
import { get } from "./api.js";
import { Cluster, worseFirst } from "./state.js";
import { clock, counted } from "./text.js";

/** @typedef {import("./types").Alert} Alert */
/** @typedef {import("./types").DoorEvent} DoorEvent */

/**
 * at: the time of which it is, ms; never later than now.
 * @typedef {{from: number, to: number, at: number, oldest: number, cluster: Cluster, alerts: Alert[], moreAlerts: boolean, events: DoorEvent[]}} Past
 */

export const PAST_ALERTS = 200;
export const PAST_EVENTS = 200;

/**
 * The stretch that the address names, in ms; null: it names none, and the present is shown.
 * @param {Record<string, string>} params
 */
export function stretch(params) {
	const [from, to] = [Number(params.from) * 1000, Number(params.to) * 1000];
	return from > 0 && to > from && to < 8e15 ? { from, to } : null;
}

/**
 * @param {{from: number, to: number}} s
 * @param {number} now ms, by the server's clock
 * @returns {Promise<Past>}
 */
export async function loadPast(s, now) {
	// A second back: a clock may be a little ahead of the server's.
	const at = Math.min(s.to, Math.floor(now / 1000) * 1000 - 1000);
	const iso = (/** @type {number} */ ms) => new Date(ms).toISOString();
	const [state, alerts, events] = await Promise.all([
		/** @type {Promise<import("./types").StateAnswer>} */ (get("state", { at: iso(at) })),
		/** @type {Promise<import("./types").List<Alert>>} */ (get("alerts", { at: iso(at), limit: PAST_ALERTS })),
		/** @type {Promise<import("./types").List<DoorEvent>>} */ (get("timeline", { since: iso(s.from), until: iso(s.to), limit: PAST_EVENTS })),
	]);
	const cluster = new Cluster();
	cluster.apply(state, at);
	return {
		...s,
		at,
		oldest: Date.parse(state.oldest ?? "") || 0,
		cluster,
		alerts: [...alerts.items].sort(worseFirst),
		moreAlerts: !!alerts.next,
		events: events.items,
	};
}

/**
 * The first line of the page, of then.
 * @param {Past} p
 * @param {number} now
 */
export function answerThen(p, now) {
	const open = p.alerts.filter((a) => a.state === "open");
	const by = (/** @type {string} */ s) => open.filter((a) => a.severity === s).length;
	const parts = [
		by("critical") && `${by("critical")} critical`,
		by("warning") && counted(by("warning"), "warning"),
		by("notice") && counted(by("notice"), "notice"),
	].filter(Boolean);
	const said = parts.length ? `${parts.join(", ")} ${open.length === 1 ? "was" : "were"} open` : "no alert was open";
	const more = ["The classes are those of now; the agents' versions and heartbeats of then are not kept. What you open from here is shown as it is now."];
	if (!p.oldest || p.at < p.oldest)
		more.unshift(p.oldest ? `The store's records begin at ${clock(p.oldest)} UTC: of before that little is known.` : "The store has no records: nothing is known of then.");
	return { text: `At ${clock(p.at, now)} UTC ${said}.`, more: more.join(" ") };
}
