// SPDX-License-Identifier: GPL-2.0
/*
 * Text for people. Names, paths and arguments come from nodes and are hostile: what is not seen or turns the
 * direction of a line is escaped before it is shown. Pure.
 */

// Control characters, marks of direction, what has no width, ends of lines, halves of a surrogate pair.
const UNSEEN =
	/[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** @param {string} c */
function escaped(c) {
	const code = c.charCodeAt(0);
	return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/**
 * The text with everything in it visible.
 * @param {unknown} value
 * @returns {string}
 */
export function visible(value) {
	return value === null || value === undefined ? "" : String(value).replace(UNSEEN, escaped);
}

/**
 * At most max characters; the middle goes, for a path ends in its name.
 * @param {string} text
 * @param {number} max
 */
export function cut(text, max) {
	if (text.length <= max)
		return text;
	const chars = [...text];
	if (chars.length <= max)
		return text;
	const tail = Math.floor((max - 1) / 2);
	return `${chars.slice(0, max - 1 - tail).join("")}…${chars.slice(chars.length - tail).join("")}`;
}

/** @param {number} n */
export function count(n) {
	return n.toLocaleString("en-US");
}

/**
 * How far a clock is off, with its sign; what rounds to nothing has none.
 * @param {number} ms
 */
export function skew(ms) {
	const s = (Math.abs(ms) / 1000).toFixed(1);
	return s === "0.0" ? "0 s" : `${ms > 0 ? "+" : "−"}${s} s`;
}

/**
 * "1 node", "2 nodes".
 * @param {number} n
 * @param {string} one
 * @param {string} [many]
 */
export function counted(n, one, many) {
	return `${count(n)} ${n === 1 ? one : (many ?? `${one}s`)}`;
}

/**
 * A duration in its largest unit: "12 s", "3 min", "2 h", "5 d".
 * @param {number} seconds
 */
export function duration(seconds) {
	const s = Math.max(0, seconds);
	if (s < 10)
		return `${s < 1 ? s.toFixed(1) : Math.floor(s)} s`;
	if (s < 90)
		return `${Math.floor(s)} s`;
	if (s < 5400)
		return `${Math.round(s / 60)} min`;
	if (s < 129600)
		return `${Math.round(s / 3600)} h`;
	return `${Math.round(s / 86400)} d`;
}

/**
 * How long ago, of an ISO time or Unix seconds; "never" for none.
 * @param {string | number | null | undefined} time
 * @param {number} nowMs
 */
export function ago(time, nowMs) {
	if (!time)
		return "never";
	const ms = typeof time === "number" ? time * 1000 : Date.parse(time);
	return Number.isNaN(ms) ? "?" : `${duration((nowMs - ms) / 1000)} ago`;
}

/**
 * UTC as the command line prints it; only the time when it is of the same day.
 * @param {string | number | null | undefined} time ISO, or Unix milliseconds
 * @param {number} [nowMs] without it the whole
 */
export function clock(time, nowMs) {
	const ms = typeof time === "number" ? time : Date.parse(time ?? "");
	if (Number.isNaN(ms))
		return "-";
	const iso = new Date(ms).toISOString();
	const [day, hour] = [iso.slice(0, 10), iso.slice(11, 19)];
	return nowMs !== undefined && new Date(nowMs).toISOString().startsWith(day) ? hour : `${day} ${hour}`;
}

/** @param {number} n */
export function bytes(n) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let u = 0;
	let v = n;
	while (v >= 1024 && u < units.length - 1) {
		v /= 1024;
		u++;
	}
	return `${u && v < 10 ? v.toFixed(1) : Math.round(v)} ${units[u]}`;
}

/**
 * Folds node names as the command line does: node[001-003,007],login1.
 * @param {string[]} names
 */
export function foldNodes(names) {
	/** @type {Map<string, {head: string, tail: string, width: number, numbers: number[]}>} */
	const sets = new Map();
	/** @type {string[]} */
	const plain = [];
	for (const name of names) {
		const m = /^(.*?)(\d{1,15})(\D*)$/s.exec(name);
		if (!m) {
			plain.push(name);
			continue;
		}
		// Leading zeros are part of the name: n1 and n01 are two nodes.
		const width = m[2].startsWith("0") ? m[2].length : 0;
		const padded = width || m[2].length;
		const key = `${m[1]}\0${m[3]}\0${padded}`;
		const set = sets.get(key) ?? { head: m[1], tail: m[3], width: padded, numbers: [] };
		set.numbers.push(Number(m[2]));
		sets.set(key, set);
	}
	const folded = [...sets.values()].map((s) => {
		const text = ranges(s.numbers, s.width);
		return /[,-]/.test(text) ? `${s.head}[${text}]${s.tail}` : `${s.head}${text}${s.tail}`;
	});
	return [...folded, ...plain].join(",");
}

/**
 * @param {number[]} numbers
 * @param {number} width
 */
function ranges(numbers, width) {
	const sorted = [...new Set(numbers)].sort((a, b) => a - b);
	const parts = [];
	for (let i = 0; i < sorted.length; i++) {
		let k = i;
		while (k + 1 < sorted.length && sorted[k + 1] === sorted[k] + 1)
			k++;
		const [a, b] = [sorted[i], sorted[k]].map((n) => String(n).padStart(width, "0"));
		parts.push(i === k ? a : k === i + 1 ? `${a},${b}` : `${a}-${b}`);
		i = k;
	}
	return parts.join(",");
}

/**
 * An argument of a command line, quoted for a POSIX shell when it must be.
 * @param {string} word
 */
export function shellWord(word) {
	return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
