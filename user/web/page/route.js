// SPDX-License-Identifier: GPL-2.0
/*
 * The page's address holds its state: #/VIEW/ARGUMENT?key=value. Pure.
 */

export const VIEWS = ["cluster", "nodes", "node", "alert", "alerts", "find", "profiles", "profile", "scans", "health"];

/** @param {string} s */
function decoded(s) {
	try {
		return decodeURIComponent(s);
	} catch {
		return s;
	}
}

/**
 * @param {string} hash
 * @returns {{view: string, arg: string, params: Record<string, string>}}
 */
export function parseRoute(hash) {
	const [path, query] = [hash.replace(/^#\/?/, "").split("?")[0], hash.split("?").slice(1).join("?")];
	const [view, ...rest] = path.split("/");
	/** @type {Record<string, string>} */
	const params = {};
	for (const [k, v] of new URLSearchParams(query))
		params[k] = v;
	return VIEWS.includes(view)
		? { view, arg: rest.map(decoded).join("/"), params }
		: { view: "cluster", arg: "", params };
}

/**
 * @param {string} view
 * @param {string | number} [arg]
 * @param {Record<string, string | undefined>} [params] empty ones are left out
 */
export function formatRoute(view, arg = "", params = {}) {
	const query = new URLSearchParams();
	for (const [k, v] of Object.entries(params))
		if (v)
			query.set(k, v);
	const path = view === "cluster" ? "" : `${view}${arg === "" ? "" : `/${encodeURIComponent(arg)}`}`;
	return `#/${path}${String(query) ? `?${query}` : ""}`;
}
