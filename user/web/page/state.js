// SPDX-License-Identifier: GPL-2.0
/*
 * What the server said of the cluster: one row a node, changed in place. No drawing here, no network. Pure.
 */
import { counted } from "./text.js";

/**
 * What the mark of a node says, worst first; the order is that of the legend.
 * @typedef {"critical" | "warning" | "notice" | "silent" | "never" | "acked" | "ok"} Mark
 */
/** @type {Mark[]} */
export const MARKS = ["critical", "warning", "notice", "silent", "never", "acked", "ok"];

/** @type {Record<Mark, string>} */
export const MARK_WORDS = {
	critical: "critical",
	warning: "warning",
	notice: "notice",
	silent: "not recording",
	never: "never reported",
	acked: "acknowledged",
	ok: "nothing open",
};

/** Words of health that mean: a witness is there and records. Nothing else is shown as well. */
const WELL = new Set(["ok", "recording", "well"]);

/** @returns {import("./types").Columns & {rack: number[], last: number[], agent: number[], acked: number[], differs: number[]}} */
function noColumns() {
	return {
		name: [], class: [], rack: [], health: [], worst: [], alerts: [], last: [], opened_hour: [], scan: [], agent: [],
		acked: [], differs: [],
	};
}

export class Cluster {
	constructor() {
		this.known = false;
		this.version = "";
		/** The server's clock when it answered, and ours: ages are told by the server's. */
		this.skewMs = 0;
		/** The time of which it is; 0: it is of now. */
		this.atMs = 0;
		this.classes = /** @type {string[]} */ ([]);
		this.versions = /** @type {string[]} */ ([]);
		this.racks = /** @type {string[]} */ ([]);
		this.healthWords = /** @type {string[]} */ ([]);
		this.severityWords = /** @type {string[]} */ ([]);
		this.judgedBehind = /** @type {number | null} */ (null);
		this.n = noColumns();
		this.has = { acked: false, differs: false, rack: false };
		this.byName = /** @type {Map<string, number>} */ (new Map());
	}

	get size() {
		return this.n.name.length;
	}

	/**
	 * Takes a whole answer, or one of changes (with row numbers); says which rows are other now, or that nodes have come or gone.
	 * @param {import("./types").StateAnswer} a
	 * @param {number} clientMs
	 * @returns {{whole: boolean, rows: number[]}}
	 */
	apply(a, clientMs) {
		const whole = !a.nodes.i;
		this.version = a.version;
		this.skewMs = (Date.parse(a.now) || clientMs) - clientMs;
		this.atMs = Date.parse(a.at ?? "") || 0;
		this.judgedBehind = a.judged_behind_s;
		this.classes = a.classes ?? this.classes;
		this.versions = a.versions ?? this.versions;
		this.racks = a.groups?.rack ?? this.racks;
		this.healthWords = a.health_words ?? this.healthWords;
		this.severityWords = a.severity_words ?? this.severityWords;
		const known = this.known;
		const rows = whole ? this.#replace(a.nodes) : this.#merge(a.nodes);
		this.known = true;
		return { whole: !known || rows === null, rows: rows ?? [] };
	}

	/** @param {import("./types").Columns} c */
	#replace(c) {
		const same =
			this.known && c.name.length === this.n.name.length && c.name.every((v, i) => v === this.n.name[i]);
		const rows = same ? this.#differing(c) : null;
		this.n = { ...noColumns(), ...c, rack: c.rack ?? [], last: c.last ?? [], agent: c.agent ?? [] };
		this.has = { acked: !!c.acked, differs: !!c.differs, rack: this.racks.some((r) => r !== "") };
		if (!same)
			this.byName = new Map(c.name.map((v, i) => [v, i]));
		return rows;
	}

	/** @param {import("./types").Columns} c */
	#differing(c) {
		const keys = /** @type {(keyof import("./types").Columns)[]} */ (Object.keys(c)).filter((k) => k !== "i");
		const rows = [];
		for (let i = 0; i < c.name.length; i++)
			if (keys.some((k) => c[k]?.[i] !== this.n[k]?.[i]))
				rows.push(i);
		return rows;
	}

	/** @param {import("./types").Columns} c */
	#merge(c) {
		const rows = c.i ?? [];
		let grown = false;
		for (const [k, values] of Object.entries(c)) {
			if (k === "i")
				continue;
			const column = /** @type {any[] | undefined} */ (/** @type {any} */ (this.n)[k]);
			if (column && values)
				rows.forEach((row, at) => (column[row] = values[at]));
		}
		for (const row of rows) {
			if (this.byName.get(this.n.name[row]) === row)
				continue;
			this.byName.set(this.n.name[row], row);
			grown = true;
		}
		return grown ? null : rows;
	}

	/** @param {number} i */
	health(i) {
		return this.healthWords[this.n.health[i]] ?? "unknown";
	}

	/** @param {number} i */
	severity(i) {
		return this.severityWords[this.n.worst[i]] ?? "";
	}

	/**
	 * Is somebody there who would see a door open?
	 * @param {number} i
	 */
	well(i) {
		return WELL.has(this.health(i));
	}

	/**
	 * Of the past only nodes are there that were known then.
	 * @param {number} i
	 */
	never(i) {
		return (!this.atMs && !this.n.last[i]) || this.health(i) === "never";
	}

	/**
	 * The silence of a node is an alert of its own: one that is silent and has no other is shown as silent. Of one whose
	 * health is not known nobody has raised an alert: what is open there is something else.
	 * @param {number} i
	 * @returns {Mark}
	 */
	mark(i) {
		const severity = this.severity(i);
		const well = this.well(i);
		if (!well && this.never(i))
			return "never";
		if (!well && this.health(i) !== "unknown" && (this.n.alerts[i] ?? 0) <= 1)
			return "silent";
		if (severity === "critical" || severity === "warning" || severity === "notice")
			return severity;
		if (!well)
			return "silent";
		return this.n.acked[i] ? "acked" : "ok";
	}

	/** @returns {Record<Mark, number>} */
	counts() {
		const c = /** @type {Record<Mark, number>} */ (Object.fromEntries(MARKS.map((m) => [m, 0])));
		for (let i = 0; i < this.size; i++)
			c[this.mark(i)]++;
		return c;
	}

	/**
	 * Nodes with a mark, in the order of the store.
	 * @param {Mark} mark
	 */
	withMark(mark) {
		return this.n.name.filter((_, i) => this.mark(i) === mark);
	}

	/**
	 * Ages are by the server's clock; in the past time stands still.
	 * @param {number} clientMs
	 */
	now(clientMs) {
		return this.atMs || clientMs + this.skewMs;
	}
}

/**
 * Marks that there are, rarest first; what is well comes last.
 * @param {Record<Mark, number>} counts
 */
export function rarestFirst(counts) {
	return MARKS.filter((m) => counts[m] > 0).sort(
		(a, b) => Number(a === "ok") - Number(b === "ok") || counts[a] - counts[b] || MARKS.indexOf(a) - MARKS.indexOf(b),
	);
}

const RANK = /** @type {Record<string, number>} */ ({ critical: 3, warning: 2, notice: 1 });

/** @param {import("./types").Alert} a @param {import("./types").Alert} b */
export function worseFirst(a, b) {
	return (RANK[b.severity] ?? 0) - (RANK[a.severity] ?? 0) || Date.parse(b.first) - Date.parse(a.first) || b.id - a.id;
}

/**
 * "Does anything need me?", answered in one sentence. level: how loud it is to be shown.
 * @param {Cluster} cluster
 * @param {{severity: string, state: string}[]} alerts
 * @param {{class: string, accepted: boolean}[] | null} profiles
 * @returns {{level: "critical" | "warning" | "notice" | "ok" | "unknown", text: string, more: string, command: string}}
 */
export function answer(cluster, alerts, profiles) {
	const counts = cluster.counts();
	const open = alerts.filter((a) => a.state === "open");
	const by = (/** @type {string} */ s) => open.filter((a) => a.severity === s).length;
	const [critical, warning, notice] = [by("critical"), by("warning"), by("notice")];
	const unwell = cluster.size - wellCount(cluster);
	const more = [];
	if (!cluster.size)
		return {
			level: "unknown",
			text: "Not known: no node has reported yet.",
			more: "A node reports once its agent and shipper run.",
			command: "ajar doctor",
		};
	if (unwell)
		more.push(`${counted(unwell, "node")} not recording: what opens there is not seen`);
	const learning = (profiles ?? []).filter((p) => !p.accepted).map((p) => p.class);
	if (learning.length)
		more.push(
			`${learning.length === 1 ? `class ${learning[0]} has` : `${counted(learning.length, "class", "classes")} have`} no accepted profile: doors there are recorded, not judged`,
		);
	if (cluster.judgedBehind === null)
		more.push("no monitor judges what is recorded");
	else if (cluster.judgedBehind > 30)
		more.push(`the monitor judges ${Math.round(cluster.judgedBehind)} s behind`);
	if (open.length) {
		const parts = [
			critical && `${critical} critical`,
			warning && counted(warning, "warning"),
			notice && counted(notice, "notice"),
		].filter(Boolean);
		return {
			level: critical ? "critical" : warning ? "warning" : "notice",
			text: `Yes: ${parts.join(", ")} ${open.length === 1 ? "waits" : "wait"} for a decision.`,
			more: more.join("; "),
			command: "",
		};
	}
	if (cluster.judgedBehind === null)
		return {
			level: "unknown",
			text: "Not known: nobody judges.",
			more: more.join("; "),
			command: "systemctl start ajar-monitor",
		};
	if (learning.length && learning.length === (profiles ?? []).length)
		return {
			level: "unknown",
			text: "Not yet: every class still learns.",
			more: more.join("; "),
			command: "ajar profile learn",
		};
	if (unwell)
		return {
			level: counts.silent ? "warning" : "notice",
			text: "No alert is open, but not every node is watched.",
			more: more.join("; "),
			command: "",
		};
	return {
		level: "ok",
		text: "No. Nothing waits for a decision.",
		more: [`${counted(cluster.size, "node")} ${cluster.size === 1 ? "records" : "record"}`, ...more].join("; "),
		command: "",
	};
}

/** @param {Cluster} cluster */
function wellCount(cluster) {
	let n = 0;
	for (let i = 0; i < cluster.size; i++)
		n += cluster.well(i) ? 1 : 0;
	return n;
}

/**
 * What the map can be filled by. value(): 0 to 4, quiet to loud, or -1 for none; the first is the marks alone.
 * @typedef {{id: string, label: string, steps: string[], value: (c: Cluster, i: number, nowS: number) => number}} Question
 */

/** @param {number[]} edges @param {number} v */
function step(edges, v) {
	let s = 0;
	while (s < edges.length && v >= edges[s])
		s++;
	return s;
}

/** @type {Question[]} */
export const QUESTIONS = [
	{ id: "wrong", label: "What is wrong", steps: [], value: () => -1 },
	{
		id: "opened",
		label: "What opened in the last hour",
		steps: ["none", "1–3 doors", "4–15", "16–63", "64 or more"],
		value: (c, i) => step([1, 4, 16, 64], c.n.opened_hour[i] ?? 0),
	},
	{
		id: "outside",
		label: "How old is the view from outside",
		steps: ["under 1 day", "1–7 days", "7–30 days", "over 30 days", "never scanned"],
		value: (c, i, now) => (c.n.scan[i] ? step([86400, 604800, 2592000], now - c.n.scan[i]) : 4),
	},
	{
		id: "heard",
		label: "How long since it was heard",
		steps: ["under 3 min", "3–15 min", "15–60 min", "over 1 h", "never"],
		value: (c, i, now) => (c.n.last[i] ? step([180, 900, 3600], now - c.n.last[i]) : 4),
	},
	{
		id: "agent",
		label: "Agent version",
		steps: ["most common", "2nd", "3rd", "rarer", "not known"],
		value: (c, i) => {
			const rank = versionRanks(c)[c.n.agent[i]];
			return rank === undefined ? 4 : Math.min(rank, 3);
		},
	},
	{
		id: "differs",
		label: "Who differs from its class",
		steps: ["not at all", "1 door", "2–3", "4–7", "8 or more"],
		value: (c, i) => step([1, 2, 4, 8], c.n.differs[i] ?? 0),
	},
];

/** What nobody has kept of then. */
const OF_NOW = new Set(["heard", "agent"]);

/**
 * Questions that this server's answers can fill.
 * @param {Cluster} c
 */
export function questions(c) {
	return QUESTIONS.filter((q) => (q.id !== "differs" || c.has.differs) && !(c.atMs && OF_NOW.has(q.id)));
}

/** @type {{key: number[] | null, versions: string[] | null, ranks: (number | undefined)[]}} */
const ranked = { key: null, versions: null, ranks: [] };

/**
 * Versions by how many nodes have them: 0 the most common.
 * @param {Cluster} c
 */
export function versionRanks(c) {
	if (ranked.key === c.n.agent && ranked.versions === c.versions)
		return ranked.ranks;
	const counts = c.versions.map(() => 0);
	for (const v of c.n.agent)
		if (v >= 0 && v < counts.length)
			counts[v]++;
	const order = counts
		.map((n, v) => ({ n, v }))
		.filter(({ n, v }) => n && c.versions[v])
		.sort((a, b) => b.n - a.n);
	ranked.key = c.n.agent;
	ranked.versions = c.versions;
	ranked.ranks = c.versions.map(() => undefined);
	order.forEach(({ v }, rank) => (ranked.ranks[v] = rank));
	return ranked.ranks;
}

/** @type {{id: string, label: string}[]} */
export const GROUPINGS = [
	{ id: "class", label: "class" },
	{ id: "rack", label: "rack" },
	{ id: "mark", label: "state" },
	{ id: "none", label: "nothing" },
];

/**
 * The rows in groups, for the map; small groups first, so that they are not looked for below a large one.
 * @param {Cluster} c
 * @param {string} by
 * @returns {{name: string, rows: number[]}[]}
 */
export function groups(c, by) {
	/** @type {Map<string, number[]>} */
	const sets = new Map();
	for (let i = 0; i < c.size; i++) {
		const name =
			by === "rack"
				? c.racks[c.n.rack[i]] || "no rack"
				: by === "mark"
					? MARK_WORDS[c.mark(i)]
					: by === "none"
						? ""
						: c.classes[c.n.class[i]] || "no class";
		const rows = sets.get(name);
		if (rows)
			rows.push(i);
		else
			sets.set(name, [i]);
	}
	const order = (/** @type {string} */ a, /** @type {string} */ b) => a.localeCompare(b, "en", { numeric: true });
	const list = [...sets].map(([name, rows]) => ({ name, rows }));
	for (const g of list)
		g.rows.sort((a, b) => order(c.n.name[a], c.n.name[b]));
	return list.sort((a, b) => (by === "class" && a.rows.length - b.rows.length) || order(a.name, b.name));
}
