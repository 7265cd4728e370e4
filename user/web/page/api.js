// SPDX-License-Identifier: GPL-2.0
/*
 * Requests to the server that the page came from, and to nothing else. What has not changed is not sent again (ETag).
 */

export class ApiError extends Error {
	/**
	 * @param {number} status 0: no answer
	 * @param {string} what
	 * @param {string} fix
	 * @param {string[]} [login] how one may log in, of a 401
	 */
	constructor(status, what, fix, login = []) {
		super(what);
		this.status = status;
		this.fix = fix;
		this.login = login;
	}
}

const KEPT_MAX = 60; // answers with their ETags
const TIMEOUT_MS = 30000;

/** @type {Map<string, {etag: string, body: unknown}>} */
const kept = new Map();

/** @param {string} path @param {Record<string, string | number | undefined | null>} [query] */
function address(path, query = {}) {
	const q = new URLSearchParams();
	for (const [k, v] of Object.entries(query))
		if (v !== undefined && v !== null && v !== "")
			q.set(k, String(v));
	return `/api/v1/${path}${String(q) ? `?${q}` : ""}`;
}

/** @param {string} url @param {RequestInit} init */
async function ask(url, init) {
	/** @type {Response} */
	let r;
	const late = new AbortController();
	const timer = setTimeout(() => late.abort(), TIMEOUT_MS);
	try {
		r = await fetch(url, { ...init, credentials: "same-origin", cache: "no-store", signal: late.signal });
	} catch {
		throw new ApiError(0, "The server does not answer.", "Is 'ajar web' running, and does the way to it work?");
	} finally {
		clearTimeout(timer);
	}
	if (r.ok || r.status === 304)
		return r;
	/** @type {{error?: string, fix?: string, login?: string[]}} */
	let said = {};
	try {
		said = await r.json();
	} catch {
		// Not ours: a proxy's page, perhaps.
	}
	throw new ApiError(r.status, said.error ?? `The server answered ${r.status}.`, said.fix ?? "", said.login ?? []);
}

/**
 * @template T
 * @param {string} path below /api/v1/
 * @param {Record<string, string | number | undefined | null>} [query]
 * @returns {Promise<T>}
 */
export async function get(path, query) {
	const url = address(path, query);
	const old = kept.get(url);
	const r = await ask(url, { headers: old ? { "If-None-Match": old.etag } : {} });
	if (r.status === 304 && old)
		return /** @type {T} */ (old.body);
	const body = await r.json();
	const etag = r.headers.get("ETag");
	kept.delete(url);
	if (etag) {
		kept.set(url, { etag, body });
		if (kept.size > KEPT_MAX)
			kept.delete(/** @type {string} */ (kept.keys().next().value));
	}
	return body;
}

/**
 * The same, of what a server may not have: the fallback then.
 * @template T
 * @param {string} path
 * @param {Record<string, string | number | undefined | null>} query
 * @param {T} fallback
 * @returns {Promise<T>}
 */
export async function getOr(path, query, fallback) {
	try {
		return await get(path, query);
	} catch (e) {
		if (e instanceof ApiError && (e.status === 404 || e.status === 501))
			return fallback;
		throw e;
	}
}

/**
 * Names in a path.
 * @param {string | number} name
 */
export function part(name) {
	return encodeURIComponent(name);
}

/**
 * An action, until the monitor has carried it out or refused; answers what it said.
 * @param {import("./types").ActionRequest} action
 * @param {string} csrf
 * @returns {Promise<{state: string, answer: string}>}
 */
export async function request(action, csrf) {
	const r = await ask(address("requests"), {
		method: "POST",
		headers: { "Content-Type": "application/json", "X-CSRF": csrf },
		body: JSON.stringify(action),
	});
	const { id } = await r.json();
	const end = Date.now() + TIMEOUT_MS;
	for (;;) {
		/** @type {{state: string, answer: string}} */
		const said = await (await ask(address(`requests/${part(id)}`), {})).json();
		if (said.state !== "waiting" || Date.now() > end)
			return said;
		await new Promise((done) => setTimeout(done, 150));
	}
}

/** @param {string} name @param {string} password */
export async function login(name, password) {
	await ask("/login", {
		method: "POST",
		headers: { "Content-Type": "application/json" },
		body: JSON.stringify({ name, password }),
	});
}

/** @param {string} csrf */
export async function logout(csrf) {
	await ask("/logout", { method: "POST", headers: { "X-CSRF": csrf } });
}
