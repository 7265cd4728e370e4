// SPDX-License-Identifier: GPL-2.0
/*
 * The words of a filter, as the command line takes them: tcp, :4444, :8000-8100, exe:nc, user:mlee, node:n[1-9], class:gpu,
 * rack:r01, state:unexpected. The server decides what they match; here they are completed and quoted. Pure.
 */

/** Known without asking, when the server does not list them. */
export const STANDARD_WORDS = {
	words: [
		{ name: "tcp", kind: "proto" },
		{ name: "udp", kind: "proto" },
		{ name: ":", kind: "port" },
		{ name: "exe:", kind: "exe" },
		{ name: "user:", kind: "user" },
		{ name: "node:", kind: "node" },
		{ name: "class:", kind: "class" },
		{
			name: "state:",
			kind: "state",
			values: ["unexpected", "impostor", "shared", "profiled", "client", "settling", "learning"],
		},
	],
};

const MEANS = {
	proto: "protocol",
	port: "port or range, :22 or :8000-8100",
	exe: "program: path, last part or command name",
	user: "user name or number",
	node: "node or node set, node[001-064]",
	class: "node class",
	rack: "rack",
	state: "verdict",
};

export const COMPLETIONS_MAX = 12;

/**
 * The word that the caret is in.
 * @param {string} text
 * @param {number} caret
 */
export function wordAt(text, caret) {
	let from = caret;
	while (from > 0 && !/\s/.test(text[from - 1]))
		from--;
	let to = caret;
	while (to < text.length && !/\s/.test(text[to]))
		to++;
	return { from, to, word: text.slice(from, to) };
}

/**
 * What the word at the caret may become.
 * @param {string} text
 * @param {number} caret
 * @param {import("./types").Words} words
 * @param {Record<string, string[]>} known values the page knows, by kind
 * @returns {{insert: string, hint: string}[]}
 */
export function completions(text, caret, words, known) {
	const { word } = wordAt(text, caret);
	const lower = word.toLowerCase();
	/** @type {{insert: string, hint: string}[]} */
	const out = [];
	for (const w of words.words) {
		const hint = MEANS[/** @type {keyof typeof MEANS} */ (w.kind)] ?? w.kind;
		const prefixed = w.name.endsWith(":") && w.name !== ":";
		if (prefixed && lower.startsWith(w.name)) {
			const rest = lower.slice(w.name.length);
			const values = w.values?.length ? w.values : (known[w.kind] ?? []);
			for (const v of values)
				if (v.toLowerCase().includes(rest) && v.toLowerCase() !== rest)
					out.push({ insert: w.name + v, hint });
		} else if (w.name.startsWith(lower) && w.name !== lower) {
			out.push({ insert: w.name, hint });
		}
	}
	// A name that is no word of the language: a node, perhaps.
	if (lower.length > 1 && !lower.includes(":"))
		for (const n of known.node ?? [])
			if (n.toLowerCase().includes(lower))
				out.push({ insert: `node:${n}`, hint: "node" });
	return out.slice(0, COMPLETIONS_MAX);
}

/**
 * The text with the completion in the word's place, and where the caret goes.
 * @param {string} text
 * @param {number} caret
 * @param {string} insert
 */
export function complete(text, caret, insert) {
	const { from, to } = wordAt(text, caret);
	const space = insert.endsWith(":") || text[to] === " " ? "" : " ";
	return { text: text.slice(0, from) + insert + space + text.slice(to), caret: from + insert.length + space.length };
}

/**
 * Words that find what this door is, for a pivot.
 * @param {import("./types").DoorEvent} door
 */
export function pivots(door) {
	const p = door.holders?.[0] ?? door.opener;
	const exe = p?.exe?.replace(/ \(deleted\)$/, "");
	/** @type {{what: string, q: string}[]} */
	const out = [];
	if (door.port)
		out.push({ what: "port", q: `${door.proto ?? ""} :${door.port}`.trim() });
	if (exe && !/\s/.test(exe))
		out.push({ what: "program", q: `exe:${exe}` });
	if (p?.user && !/\s/.test(p.user))
		out.push({ what: "user", q: `user:${p.user}` });
	if (door.class && !/\s/.test(door.class))
		out.push({ what: "class", q: `class:${door.class}` });
	return out;
}
