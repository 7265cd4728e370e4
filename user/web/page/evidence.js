// SPDX-License-Identifier: GPL-2.0
/*
 * The evidence of a door: who opened and holds it, with the processes above, its program, account, place and record.
 */
import { command, facts, h, said } from "./dom.js";
import { endpoint, exeFlags, holderOf } from "./fold.js";
import { pivots } from "./filter.js";
import { formatRoute } from "./route.js";
import { ago, clock, shellWord } from "./text.js";

/** @typedef {import("./types").DoorEvent} DoorEvent */
/** @typedef {import("./types").Process} Process */
/** @typedef {import("./types").Executable} Executable */

/**
 * Three processes up, the oldest first, then the one itself.
 * @param {Process} p
 */
function tree(p) {
	const up = [...(p.ancestors ?? [])].reverse();
	/** @type {HTMLElement} */
	let inner = h("li", { class: "self" }, said(p.comm ?? "?", 60), h("span", { class: "dim" }, ` pid ${p.pid ?? "?"}`));
	for (const a of up.reverse())
		inner = h("li", {}, said(a.comm, 60), h("span", { class: "dim" }, ` pid ${a.pid}`), h("ul", {}, inner));
	return h("ul", { class: "tree", "aria-label": "Process and those above it" }, inner);
}

/** @param {number | null} id */
function login(id) {
	return id === null || id === undefined ? "none: no login led to it" : String(id);
}

/** @param {Executable | undefined} f */
function fileFacts(f) {
	if (!f)
		return null;
	const digest = f.sha256 ? h("span", { class: "mono", title: f.sha256 }, `sha256 ${f.sha256.slice(0, 16)}`) : said(f.state, 80);
	const owner = !f.sha256 ? "" : f.package ? [", ", said(`${f.package} ${f.version ?? ""}`.trim(), 100), ", ", f.listed] : f.listed === "none" ? ", of no package" : ", package not known";
	const odd = [
		f.sha256 && f.state !== "read" ? f.state : "",
		f.replaced && f.was_until ? `another file than until ${clock(f.was_until)} UTC` : "",
		f.listed.startsWith("differs") ? "look at it" : "",
	].filter(Boolean);
	return [digest, owner, odd.length ? [" ", h("span", { class: "flag" }, odd.join(", "))] : ""];
}

/**
 * @param {Process} p
 * @param {Executable} [file] what is known of its executable
 */
export function processFacts(p, file) {
	const flags = exeFlags(p);
	return h(
		"div",
		{},
		tree(p),
		facts([
			["program", p.exe ? [h("span", { class: "mono" }, said(p.exe, 200)), p.exe_cut ? " (cut)" : ""] : "not known"],
			["look at", flags.length ? h("span", { class: "flag" }, flags.join(", ")) : null],
			["its file", fileFacts(file)],
			["arguments", p.argv ? [h("span", { class: "mono" }, said(p.argv.map(shellWord).join(" "), 400)), p.argv_cut ? " (cut)" : ""] : "not known"],
			["user", p.user ? [said(p.user, 60), p.uid !== null ? ` (uid ${p.uid})` : ""] : p.uid !== null ? `uid ${p.uid}` : "not known"],
			["logged in as", `${login(p.loginuid)}${p.session ? `, session ${p.session}` : ""}`],
			["started", p.start ? `${clock(p.start)} UTC` : null],
		]),
	);
}

/**
 * The command that shows the same.
 * @param {DoorEvent} d
 */
export function doorCommand(d) {
	const words = [`node:${d.node}`, d.proto ?? "", d.port ? `:${d.port}` : ""].filter(Boolean).map(shellWord);
	return `ajar ls -j ${words.join(" ")}`;
}

/**
 * @param {DoorEvent} d
 * @param {number} now
 * @param {Executable[]} [files] what is known of executables, this one's among them or not
 */
export function evidence(d, now, files = []) {
	/** @param {Process} p */
	const fileOf = (p) => files.find((f) => f.node === d.node && f.path === p.exe);
	const held = holderOf(d);
	const opener = d.opener;
	const other = held && opener && (held.pid !== opener.pid || held.comm !== opener.comm);
	const raw = h("pre", { class: "mono raw", tabindex: 0 });
	const details = h("details", {}, h("summary", {}, "Record as JSON"), raw);
	details.addEventListener("toggle", () => {
		raw.textContent = JSON.stringify(d, null, 2);
	});
	return h(
		"div",
		{ class: "evidence" },
		facts([
			["door", [h("b", {}, `${d.proto ?? "?"} ${endpoint(d)}`), d.scope === "loopback" ? " (loopback)" : ""]],
			["on", [h("a", { href: formatRoute("node", d.node) }, said(d.node, 60)), d.class ? [" · ", said(d.class, 40)] : ""]],
			["verdict", d.verdict ? said(d.verdict, 40) : "not judged"],
			["open since", `${d.origin === "snapshot" ? "before " : ""}${clock(d.opened ?? d.time)} UTC, ${ago(d.opened ?? d.time, now)}`],
			["in", d.where ? said(d.where, 100) : null],
			["container", d.container ? said(d.container, 80) : d.container_known === false ? "not known" : null],
			["job", d.job ? said(d.job, 80) : d.job_known === false ? "not known" : null],
			["cgroup", d.cgroup ? h("span", { class: "mono" }, said(d.cgroup, 140)) : null],
			["from outside", d.scan ? `${d.scan.state} at ${d.scan.addr}, ${ago(d.scan.time, now)} (scan ${d.scan.id})` : null],
		]),
		h("h3", {}, other ? "Holds it" : "Opened and holds it"),
		held ? processFacts(held, fileOf(held)) : h("p", { class: "dim" }, "No process is seen to hold it."),
		other && opener ? [h("h3", {}, "Opened it"), processFacts(opener, fileOf(opener))] : null,
		h("h3", {}, "Where else"),
		h("ul", { class: "pivots" }, pivots(d).map((p) => h("li", {}, h("a", { href: formatRoute("find", "", { q: p.q }) }, `by ${p.what}: `, said(p.q, 80))))),
		h("p", {}, command(doorCommand(d))),
		details,
	);
}

/** @type {HTMLElement | null} */
let opened = null;

/**
 * The evidence beside the page, not over it: the list stays in sight.
 * @param {DoorEvent} d
 * @param {number} now
 * @param {Executable[]} [files]
 */
export function openDrawer(d, now, files) {
	const back = document.activeElement;
	opened?.remove();
	const close = () => {
		drawer.remove();
		opened = null;
		if (back instanceof HTMLElement)
			back.focus();
	};
	const button = h("button", { type: "button", class: "close", onclick: close }, "Close", h("kbd", { "aria-hidden": "true" }, "Esc"));
	const drawer = h(
		"aside",
		{ class: "drawer", "aria-label": "Evidence of a door", onkeydown: (/** @type {KeyboardEvent} */ e) => e.key === "Escape" && (e.stopPropagation(), close()) },
		h("div", { class: "drawer-head" }, h("h2", {}, "Evidence"), button),
		evidence(d, now, files),
	);
	opened = drawer;
	document.body.append(drawer);
	button.focus();
}

export function closeDrawer() {
	opened?.remove();
	opened = null;
}
