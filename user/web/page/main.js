// SPDX-License-Identifier: GPL-2.0
/*
 * The page: asks who is here, follows the server's events, keeps the state, and shows the view that the address names.
 */
import { ApiError, get, getOr, login, logout } from "./api.js";
import { command, empty, h } from "./dom.js";
import { closeDrawer } from "./evidence.js";
import { showHelp } from "./help.js";
import { ANYTHING, newsTaker } from "./news.js";
import { answerThen } from "./past.js";
import { formatRoute, parseRoute } from "./route.js";
import { searchField } from "./search.js";
import { Cluster, answer, worseFirst } from "./state.js";
import { follow } from "./stream.js";
import { clock, visible } from "./text.js";
import { clusterView } from "./view_cluster.js";

/**
 * What views get.
 * @typedef {object} Context
 * @property {Cluster} cluster
 * @property {import("./types").Me} me
 * @property {import("./types").Alert[]} alerts that are not over, worst first
 * @property {boolean} moreAlerts there are more than were asked for
 * @property {import("./types").Profile[] | null} profiles
 * @property {{view: string, arg: string, params: Record<string, string>}} route
 * @property {boolean} live
 * @property {number} lostSince ms
 * @property {() => number} now ms, by the server's clock
 * @property {(hash: string) => void} go
 * @property {(params: Record<string, string>, replace?: boolean) => void} setParams some of the address
 * @property {import("./past.js").Past | null} past what is shown instead of the present
 * @property {(past: import("./past.js").Past | null) => void} setPast
 * @property {(said: string) => void} done an action was carried out
 */

const ALERTS = 200;
const REFRESH_MS = 2000; // a view asks again at most that often
const TICK_MS = 10000; // ages move

/** @template {HTMLElement} T @param {string} id @returns {T} */
function byId(id) {
	return /** @type {T} */ (document.getElementById(id));
}

const main = byId("main");

/** @type {Context} */
const ctx = {
	cluster: new Cluster(),
	me: { login: "", role: "viewer", csrf: "", ajar: "", cluster: null, now: "", store: "" },
	alerts: [],
	moreAlerts: false,
	profiles: null,
	past: null,
	setPast: (past) => {
		ctx.past = past;
		document.documentElement.classList.toggle("past", !!past);
		drawAnswer();
	},
	route: parseRoute(location.hash),
	live: false,
	lostSince: Date.now(),
	now: () => ctx.cluster.now(Date.now()),
	go: (hash) => {
		location.hash = hash;
	},
	setParams: (params, replace = false) => {
		const hash = formatRoute(ctx.route.view, ctx.route.arg, { ...ctx.route.params, ...params });
		if (replace) {
			history.replaceState(null, "", hash);
			navigate();
		} else {
			location.hash = hash;
		}
	},
	done: (said) => {
		toast(said);
		news.take(ANYTHING);
	},
};

/* --- views ---------------------------------------------------------------------------------------------- */

/**
 * Pages are loaded when they are asked for the first time: the cluster is there sooner.
 * missing: what is said when there is none of that name, and the next command.
 * @typedef {{title: (arg: string) => string, missing?: [string, string], load?: () => Promise<unknown>, draw: (root: HTMLElement, data: any) => unknown}} Page
 */
const alertView = () => import("./view_alert.js");
const findView = () => import("./view_find.js");
const healthView = () => import("./view_health.js");
const nodeView = () => import("./view_node.js");
const profilesView = () => import("./view_profiles.js");
const scansView = () => import("./view_scans.js");

/** @type {Record<string, Page>} */
const pages = {
	nodes: { title: () => "Nodes", load: async () => void (await import("./view_nodes.js")), draw: async (root) => (await import("./view_nodes.js")).drawNodes(root, ctx) },
	node: {
		title: (arg) => arg,
		missing: ["No node of this name has reported.", "ajar node"],
		load: async () => (await nodeView()).loadNode(ctx.route.arg, ctx),
		draw: async (root, d) => (await nodeView()).drawNode(root, d, ctx),
	},
	alert: {
		title: (arg) => `Alert ${arg}`,
		missing: ["There is no alert of this number, or it was pruned.", "ajar alerts --all"],
		load: async () => (await alertView()).loadAlert(ctx.route.arg),
		draw: async (root, d) => (await alertView()).drawAlert(root, d, ctx),
	},
	alerts: {
		title: () => "Alerts",
		load: async () => (await alertView()).loadAlerts(ctx),
		draw: async (root, d) => (await alertView()).drawAlerts(root, d, ctx),
	},
	find: {
		title: () => ctx.route.params.q || "Everything",
		load: async () => (await findView()).loadFind(ctx),
		draw: async (root, d) => (await findView()).drawFind(root, d, ctx),
	},
	profiles: {
		title: () => "Profiles",
		load: async () => (await profilesView()).loadProfiles(),
		draw: async (root, d) => (await profilesView()).drawProfiles(root, d, ctx),
	},
	profile: {
		title: (arg) => `Profile ${arg}`,
		missing: ["No node is of this class, and it has no profile.", "ajar profile"],
		load: async () => (await profilesView()).loadProfile(ctx.route.arg),
		draw: async (root, d) => (await profilesView()).drawProfile(root, d, ctx),
	},
	scans: {
		title: () => "Scans",
		load: async () => (await scansView()).loadScans(),
		draw: async (root, d) => (await scansView()).drawScans(root, d, ctx),
	},
	health: {
		title: () => "Health",
		load: async () => (await healthView()).loadHealth(ctx),
		draw: async (root, d) => (await healthView()).drawHealth(root, d, ctx),
	},
};

/** @type {ReturnType<typeof clusterView> | null} */
let cluster = null;
let shown = "";
let shownData = "";
let turn = 0;
/** What is being asked for, and whether it is to be asked for once more: a slow answer is waited for, not asked for anew. */
let underWay = "";
let onceMore = false;

/**
 * Where the focus is, as a way down from the root.
 * @param {Element} root
 */
function focusPath(root) {
	let el = document.activeElement;
	if (!el || !root.contains(el) || el === root)
		return null;
	if (el.id)
		return { id: el.id, path: [], caret: el instanceof HTMLInputElement && el.type !== "checkbox" ? el.selectionStart : null };
	const path = [];
	for (; el && el !== root; el = el.parentElement)
		path.unshift([.../** @type {Element} */ (el.parentElement).children].indexOf(el));
	return { id: "", path, caret: null };
}

/** @param {Element} root @param {ReturnType<typeof focusPath>} at */
function restoreFocus(root, at) {
	if (!at)
		return;
	/** @type {Element | null | undefined} */
	let el = at.id ? document.getElementById(at.id) : root;
	for (const i of at.path)
		el = el?.children[i];
	if (el instanceof HTMLElement)
		el.focus({ preventScroll: true });
	if (el instanceof HTMLInputElement && at.caret !== null)
		el.setSelectionRange(at.caret, at.caret);
}

/**
 * Shows what the address names; asks for it anew.
 * @param {boolean} [fresh] the address has changed
 */
async function show(fresh = false) {
	const { view, arg } = ctx.route;
	const wanted = JSON.stringify(ctx.route);
	if (underWay === wanted) {
		onceMore = true;
		return;
	}
	const mine = ++turn;
	underWay = wanted;
	try {
		await showNow(view, arg, mine, fresh);
	} finally {
		if (mine === turn) {
			underWay = "";
			if (onceMore)
				viewLater();
			onceMore = false;
		}
	}
}

/** @param {string} view @param {string} arg @param {number} mine @param {boolean} fresh */
async function showNow(view, arg, mine, fresh) {
	const place = `${view}/${arg}`;
	const other = place !== shown;
	if (view === "cluster") {
		if (!cluster)
			cluster = clusterView(main, ctx);
		shown = place;
		title("Cluster", other && fresh);
		main.classList.add("whole");
		try {
			await cluster.refresh();
		} catch (e) {
			if (!handled(e))
				toast(failureText(e));
		}
		return;
	}
	main.classList.remove("whole");
	if (ctx.past)
		ctx.setPast(null);
	const page = pages[view];
	if (other || cluster) {
		main.replaceChildren(h("div", { class: "page" }, h("p", { class: "dim waiting" }, "Asking the server…")));
		cluster = null;
		shownData = "";
	}
	title(page.title(arg), other && fresh);
	try {
		const data = page.load ? await page.load() : null;
		if (mine !== turn)
			return;
		const sign = JSON.stringify([data, ctx.route, Math.floor(Date.now() / 60000), view === "nodes" || view === "health" ? ctx.cluster.version : "", ctx.me.requests]);
		if (sign === shownData)
			return;
		const [focus, scroll] = [other ? null : focusPath(main), [...main.querySelectorAll(".table-scroll")].map((el) => el.scrollLeft)];
		const open = other ? [] : [...main.querySelectorAll("details")].map((el) => el.open);
		await page.draw(main, data);
		shownData = sign;
		[...main.querySelectorAll(".table-scroll")].forEach((el, i) => (el.scrollLeft = scroll[i] ?? 0));
		[...main.querySelectorAll("details")].forEach((el, i) => (el.open = open[i] ?? false));
		restoreFocus(main, focus);
		if (other)
			scrollTo(0, 0);
	} catch (e) {
		if (mine === turn && !handled(e))
			main.replaceChildren(h("div", { class: "page" }, h("h1", {}, visible(page.title(arg)).slice(0, 80)), page.missing && e instanceof ApiError && e.status === 404 ? empty(...page.missing) : failure(e)));
	}
	shown = place;
}

/** @param {string} text @param {boolean} focus */
function title(text, focus) {
	document.title = [visible(text).slice(0, 80), visible(ctx.me.cluster ?? "").slice(0, 40), "ajar"].filter(Boolean).join(" · ");
	for (const a of document.querySelectorAll("nav.views a")) {
		const here = a.getAttribute("data-view")?.split(" ").includes(ctx.route.view);
		if (here)
			a.setAttribute("aria-current", "page");
		else
			a.removeAttribute("aria-current");
	}
	if (focus)
		main.focus({ preventScroll: true });
}

/** @param {unknown} e */
function failureText(e) {
	return e instanceof ApiError ? `${e.message} ${e.fix}`.trim() : String(e);
}

/** @param {unknown} e */
function failure(e) {
	return e instanceof ApiError ? h("div", { class: "empty" }, h("p", {}, visible(e.message)), e.fix ? h("p", {}, visible(e.fix)) : null) : empty(failureText(e));
}

function navigate() {
	ctx.route = parseRoute(location.hash);
	closeDrawer();
	const q = byId("search");
	if (q instanceof HTMLInputElement && document.activeElement !== q)
		q.value = ctx.route.view === "find" ? (ctx.route.params.q ?? "") : "";
	show(true);
}

/* --- state ------------------------------------------------------------------------------------------------ */

/** @param {boolean} whole */
async function loadState(whole) {
	const since = !whole && ctx.cluster.known ? ctx.cluster.version : undefined;
	ctx.cluster.apply(await get("state", { since }), Date.now());
}

/** @param {import("./types").Alert} a */
function isCritical(a) {
	return a.severity === "critical" && a.state === "open";
}

let known = false;
/** The version that was known when alerts were asked for: they are no older. */
let alertsVersion = "";

async function loadOpen() {
	const before = ctx.cluster.version;
	const [alerts, profiles] = await Promise.all([
		/** @type {Promise<import("./types").List<import("./types").Alert>>} */ (get("alerts", { status: "open", limit: ALERTS })),
		getOr("profiles", {}, /** @type {import("./types").List<import("./types").Profile> | null} */ (null)),
	]);
	const fresh = alerts.items.filter(isCritical).filter((a) => !ctx.alerts.some((b) => b.id === a.id && isCritical(b)));
	// New critical findings alone are read out; not those of before the page was opened.
	if (known && fresh.length)
		byId("announce").textContent = fresh.slice(0, 5).map((a) => `Critical: ${visible(a.summary).slice(0, 200)}`).join(". ");
	known = true;
	alertsVersion = before;
	ctx.alerts = [...alerts.items].sort(worseFirst);
	ctx.moreAlerts = !!alerts.next;
	ctx.profiles = profiles?.items ?? null;
}

/** @param {import("./past.js").Past} past */
function drawPast(past) {
	const { text, more } = answerThen(past, ctx.now());
	byId("answer").className = "answer past";
	byId("answer").setAttribute("aria-label", "The past");
	byId("question").textContent = "This is the past.";
	byId("answer-text").textContent = text;
	byId("answer-more").replaceChildren(more);
	if (!document.getElementById("to-now"))
		byId("answer").append(h("button", { type: "button", id: "to-now", class: "primary", onclick: () => ctx.setParams({ from: "", to: "" }) }, "Back to now"));
}

function drawAnswer() {
	if (ctx.past) {
		drawPast(ctx.past);
		return;
	}
	document.getElementById("to-now")?.remove();
	byId("question").textContent = "Does anything need me?";
	byId("answer").setAttribute("aria-label", "Does anything need me?");
	const a = answer(ctx.cluster, ctx.alerts, ctx.profiles);
	const worst = ctx.alerts.find((x) => x.state === "open");
	const line = byId("answer");
	line.className = `answer ${a.level}`;
	byId("answer-text").textContent = visible(a.text);
	byId("answer-more").replaceChildren(
		...(worst ? [h("a", { href: formatRoute("alert", worst.id) }, visible(worst.summary).slice(0, 160))] : []),
		...(a.more ? [h("span", {}, `${worst ? " · " : ""}${visible(a.more)}`)] : []),
		...(a.command ? [" ", command(a.command)] : []),
	);
}

let lastRefresh = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let later;

const news = newsTaker(
	async (map, alerts, whole) => {
		try {
			await Promise.all([map && loadState(whole), alerts && loadOpen()]);
			drawAnswer();
			cluster?.changed();
			viewLater();
			return true;
		} catch (e) {
			return handled(e);
		}
	},
	() => ({ map: ctx.cluster.version, alerts: alertsVersion }),
);

/** The view asks again, but not with each of many changes. */
function viewLater() {
	clearTimeout(later);
	later = setTimeout(
		() => {
			lastRefresh = Date.now();
			show();
		},
		Math.max(0, lastRefresh + REFRESH_MS - Date.now()),
	);
}

/* --- the stream -------------------------------------------------------------------------------------------- */

function drawLive() {
	const el = byId("live");
	document.documentElement.classList.toggle("stale", !ctx.live);
	el.classList.toggle("lost", !ctx.live);
	const behind = ctx.cluster.judgedBehind;
	const judged = behind === null || behind < 1 ? "" : ` · judged ${Math.round(behind)} s behind`;
	el.replaceChildren(ctx.live ? "live" : `no connection since ${clock(ctx.lostSince, Date.now())} UTC`, h("span", { class: "more" }, ctx.live ? judged : ""));
	const banner = byId("banner");
	banner.hidden = ctx.live;
	if (!ctx.live)
		banner.textContent = `The connection to the server is lost. What stands here is of ${clock(ctx.lostSince, Date.now())} UTC; what has opened since is not shown. Trying again.`;
}

/** @param {import("./stream.js").StreamEvent} e */
function onStream(e) {
	if (e.kind === "live") {
		const was = ctx.live;
		ctx.live = true;
		if (!was)
			news.take(ANYTHING);
	} else if (e.kind === "lost") {
		ctx.live = false;
		ctx.lostSince = e.since;
	} else if (e.kind === "resync") {
		news.take({ ...ANYTHING, whole: true });
	} else {
		news.take({ version: String(e.version), map: e.map, alerts: e.alerts });
	}
	drawLive();
}

/* --- who is here --------------------------------------------------------------------------------------------- */

/**
 * Is it about logging in? Then the page asks for that.
 * @param {unknown} e
 */
function handled(e) {
	if (!(e instanceof ApiError) || e.status !== 401)
		return false;
	showLogin(e);
	return true;
}

/** @param {ApiError} why */
function showLogin(why) {
	if (document.getElementById("login"))
		return;
	const failed = new URLSearchParams(location.search).get("login") === "failed";
	const error = h("p", { class: "error", role: "alert" }, failed ? "The link was used already, is too old, or is wrong." : "");
	const name = h("input", { id: "login-name", autocomplete: "username", required: true, maxlength: 256 });
	const password = h("input", { id: "login-password", type: "password", autocomplete: "current-password", required: true, maxlength: 1024 });
	const form = h(
		"form",
		{ class: "login-form" },
		h("label", { for: "login-name" }, "Name"),
		name,
		h("label", { for: "login-password" }, "Password"),
		password,
		h("button", { type: "submit", class: "primary" }, "Log in"),
	);
	form.addEventListener("submit", async (e) => {
		e.preventDefault();
		error.textContent = "";
		try {
			await login(name.value, password.value);
			location.replace(`/${location.hash}`);
		} catch (err) {
			error.textContent = failureText(err);
		}
	});
	main.classList.remove("whole");
	cluster = null;
	shown = shownData = "";
	byId("answer").hidden = true;
	main.replaceChildren(
		h(
			"div",
			{ class: "page login", id: "login" },
			h("h1", {}, "Log in"),
			h("p", {}, visible(why.message)),
			why.login.includes("password") ? form : null,
			why.fix ? h("p", {}, visible(why.fix)) : null,
			error,
		),
	);
}

/** @param {string} text */
function toast(text) {
	const el = byId("toast");
	el.textContent = visible(text).slice(0, 400);
	el.hidden = !text;
	setTimeout(() => (el.hidden = true), 8000);
}

/* --- looks and keys ------------------------------------------------------------------------------------------ */

const THEMES = ["auto", "dark", "light"];

/** @param {string} name */
function theme(name) {
	document.documentElement.dataset.theme = name;
	byId("theme").setAttribute("aria-label", `Colours: ${name === "auto" ? "as the system" : name}`);
	byId("theme").title = `Colours: ${name === "auto" ? "as the system" : name}`;
	cluster?.repaint();
}

function storedTheme() {
	try {
		return localStorage.getItem("ajar-theme") ?? "auto";
	} catch {
		return "auto";
	}
}

function setUpTheme() {
	theme(THEMES.includes(storedTheme()) ? storedTheme() : "auto");
	byId("theme").addEventListener("click", () => {
		const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme ?? "auto") + 1) % THEMES.length];
		try {
			localStorage.setItem("ajar-theme", next);
		} catch {
			// A browser that keeps nothing: until the page is left.
		}
		theme(next);
	});
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => cluster?.repaint());
}

const GO = /** @type {Record<string, string>} */ ({ c: "cluster", n: "nodes", a: "alerts", p: "profiles", s: "scans", h: "health" });
let went = 0;

/** @param {KeyboardEvent} e */
function onKey(e) {
	if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || document.querySelector("dialog[open]"))
		return;
	const el = /** @type {Element | null} */ (e.target instanceof Element ? e.target : null);
	if (el?.closest("input, textarea, select, [contenteditable]"))
		return;
	if (Date.now() - went < 1200 && GO[e.key]) {
		went = 0;
		ctx.go(formatRoute(GO[e.key]));
	} else if (e.key === "g") {
		went = Date.now();
	} else if (e.key === "/") {
		const search = /** @type {HTMLInputElement} */ (byId("search"));
		search.focus();
		search.select();
	} else if (e.key === "?") {
		showHelp();
	} else if (e.key === "Enter" && el?.closest("a, button, canvas, summary")) {
		return;
	} else if (!cluster?.key(e.key)) {
		return;
	}
	e.preventDefault();
}

/* --- beginning ----------------------------------------------------------------------------------------------- */

async function start() {
	setUpTheme();
	document.addEventListener("keydown", onKey);
	addEventListener("hashchange", navigate);
	byId("help").addEventListener("click", () => showHelp());
	byId("logout").addEventListener("click", async () => {
		await logout(ctx.me.csrf).catch(() => {});
		location.reload();
	});
	searchField(byId("search"), byId("search-list"), ctx);
	try {
		ctx.me = await get("me");
		byId("who").textContent = `${visible(ctx.me.login).slice(0, 40)} (${ctx.me.role})`;
		if (/^[0-9a-f]{32}$/.test(ctx.me.cluster ?? ""))
			ctx.me.cluster = null; // a number that nobody knows it by
		byId("cluster-name").textContent = visible(ctx.me.cluster ?? "").slice(0, 60);
		await Promise.all([loadState(true), loadOpen()]);
		drawAnswer();
	} catch (e) {
		if (!handled(e))
			main.replaceChildren(h("div", { class: "page" }, failure(e)));
		if (e instanceof ApiError && e.status === 0)
			setTimeout(() => location.reload(), 10000);
		return;
	}
	follow(onStream);
	drawLive();
	await show();
	setInterval(() => {
		drawLive();
		cluster?.changed();
		if (ctx.live)
			news.again();
	}, TICK_MS);
}

start();
