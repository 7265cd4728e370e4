// SPDX-License-Identifier: GPL-2.0
/*
 * Doors and events put together: alike ones on many nodes are one line, opening and closing are one bar. Pure.
 */
import { foldNodes } from "./text.js";

/** @param {import("./types").DoorEvent} d */
export function holderOf(d) {
	return d.holders?.[0] ?? d.opener ?? null;
}

/**
 * "nc mlee ← bash ×3 ← sshd", as the command line says it.
 * @param {import("./types").Process | null | undefined} p
 * @param {number} [up] how many ancestors
 */
export function who(p, up = 3) {
	if (!p)
		return "not known";
	/** @type {{comm: string, n: number}[]} */
	const line = [];
	for (const a of p.ancestors ?? []) {
		const last = line[line.length - 1];
		if (last?.comm === a.comm)
			last.n++;
		else
			line.push({ comm: a.comm, n: 1 });
	}
	const first = `${p.comm ?? "?"}${p.user ? ` ${p.user}` : p.uid === null || p.uid === undefined ? "" : ` uid ${p.uid}`}`;
	const shown = line.slice(0, up).map((a) => ` ← ${a.comm}${a.n > 1 ? ` ×${a.n}` : ""}`);
	return first + shown.join("") + (line.length > up ? " ← …" : "");
}

/**
 * What about the program's file or arguments is to be looked at.
 * @param {import("./types").Process | null | undefined} p
 * @returns {string[]}
 */
export function exeFlags(p) {
	const exe = p?.exe ?? "";
	const flags = [];
	if (exe.endsWith(" (deleted)"))
		flags.push("deleted from disk");
	if (/^\/?memfd:/.test(exe))
		flags.push("runs from memory only");
	if (/^\/(tmp|dev\/shm|var\/tmp|run\/user)\//.test(exe))
		flags.push("in a folder that everybody may write");
	if (/\/\.[^/.]/.test(exe))
		flags.push("in a hidden folder or file");
	if (p?.exe_foreign)
		flags.push("path of another mount namespace");
	return flags;
}

/**
 * Address and port: "0.0.0.0:22", "[::1]:53".
 * @param {{addr: string | null, port: number | null, device?: string | null}} d
 */
export function endpoint(d) {
	const addr = d.addr ?? "*";
	const device = d.device ? `%${d.device}` : "";
	return `${addr.includes(":") ? `[${addr}${device}]` : `${addr}${device}`}:${d.port ?? "*"}`;
}

/**
 * Doors that are alike but for their node, oldest first within each; most nodes last, for the rare one is looked for.
 * @param {import("./types").DoorEvent[]} doors
 */
export function foldDoors(doors) {
	/** @type {Map<string, {door: import("./types").DoorEvent, nodes: Set<string>, first: string, last: string, count: number}>} */
	const sets = new Map();
	for (const d of doors) {
		const p = holderOf(d);
		const key = JSON.stringify([d.proto, d.port, d.scope, p?.exe ?? p?.comm, p?.user ?? p?.uid, d.verdict, d.where, d.class]);
		const set = sets.get(key) ?? { door: d, nodes: new Set(), first: d.time, last: d.time, count: 0 };
		set.nodes.add(d.node);
		set.count++;
		if (d.time < set.first)
			set.first = d.time;
		if (d.time > set.last)
			set.last = d.time;
		sets.set(key, set);
	}
	return [...sets.values()]
		.map((s) => ({ door: s.door, nodes: foldNodes([...s.nodes]), node_count: s.nodes.size, first: s.first, last: s.last, count: s.count }))
		.sort((a, b) => a.node_count - b.node_count || (a.first < b.first ? 1 : -1));
}

/**
 * One lane a port: when it was open between since and until (ms). A door without its opening in the events was open before,
 * one without its closing is open still.
 * @param {(import("./types").DoorEvent)[]} events any order
 * @param {import("./types").DoorEvent[]} open doors that are open now
 * @param {number} since
 * @param {number} until
 */
export function lanes(events, open, since, until) {
	/** @type {Map<string, {label: string, proto: string, port: number, verdict: string, bars: {from: number, to: number, verdict: string, door: import("./types").DoorEvent}[]}>} */
	const byPort = new Map();
	/** @type {Map<string, import("./types").DoorEvent>} */
	const opened = new Map();
	const add = (/** @type {import("./types").DoorEvent} */ d, /** @type {number} */ from, /** @type {number} */ to) => {
		const key = `${d.proto} ${d.port} ${d.where ?? ""}`;
		const lane = byPort.get(key) ?? {
			label: `${d.proto} ${d.port}${d.where ? ` in ${d.where}` : ""}`,
			proto: d.proto ?? "", port: d.port ?? 0, verdict: "", bars: [],
		};
		lane.bars.push({ from: Math.max(from, since), to: Math.min(to, until), verdict: d.verdict ?? "", door: d });
		if (loudness(d.verdict) >= loudness(lane.verdict))
			lane.verdict = d.verdict ?? "";
		byPort.set(key, lane);
	};
	for (const e of [...events].sort((a, b) => (a.time < b.time ? -1 : 1))) {
		if (e.event === "open" && e.door) {
			opened.set(e.door, e);
		} else if (e.event === "close" && e.door) {
			const o = opened.get(e.door);
			const at = Date.parse(e.opened ?? o?.time ?? "") || since;
			add(o ?? e, at, Date.parse(e.time));
			opened.delete(e.door);
		}
	}
	for (const d of open) {
		add(d, Date.parse(d.opened ?? d.time) || since, until);
		if (d.door)
			opened.delete(d.door);
	}
	return [...byPort.values()].sort(
		(a, b) => loudness(b.verdict) - loudness(a.verdict) || a.port - b.port || (a.label < b.label ? -1 : 1),
	);
}

/**
 * How much a verdict asks to be looked at.
 * @param {string | null | undefined} verdict
 */
export function loudness(verdict) {
	switch (verdict) {
	case "impostor":
	case "unexpected":
	case "hidden":
	case "masquerade":
		return 3;
	case "shared":
	case "outlier":
	case "missing":
	case "blocked":
		return 2;
	case "learning":
	case "settling":
	case null:
	case undefined:
		return 1;
	default:
		return 0;
	}
}

/**
 * The verdict of a port by its three witnesses, as the node's table shows it, with what a verdict of the kernel alone
 * does not say: a port that answers although the kernel shows no door, and the other way round.
 * @param {import("./types").Port} p
 */
export function portVerdict(p) {
	const answers = p.scan?.state === "open";
	if (p.kernel === "closed" && answers)
		return p.verdict ?? "answers, but the kernel shows no door";
	if (p.kernel === "open" && p.scan && !answers && p.verdict === "as profiled")
		return "as profiled, not reachable";
	if (p.kernel === "closed" && p.profile === "require")
		return "missing";
	return p.verdict ?? (p.kernel === "closed" ? "closed" : "not judged");
}
