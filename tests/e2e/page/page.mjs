// SPDX-License-Identifier: GPL-2.0
// Clicks through the page of `ajar web` (test_page.sh starts server and store) and prints TAP. What must hold at every step is
// watched from the first request on: nothing leaves the origin, the policy is not offended, no error is thrown.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";

const require = createRequire(`${process.env.MODULES}/`);
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const { LINK, DATA, PICTURES, AJAR_STORE_URI, PUT_ALERTS, EVIL_NODE, EVIL_CLASS } = process.env;
// On a server the clicks are the same; what depends on the drawing alone is looked at once.
const whole = process.env.PAGE_STORE !== "mariadb";
const origin = new URL(LINK).origin;
let n = Number(process.env.N);
let bad = 0;

async function ok(what, fn) {
	n++;
	let why = "";
	const began = Date.now();
	try {
		const said = await fn();
		if (said !== undefined && said !== true)
			why = typeof said === "string" ? said : JSON.stringify(said);
	} catch (e) {
		why = String(e.message ?? e).split("\n").slice(0, 8).join("\n");
	}
	bad += why ? 1 : 0;
	console.error(`${n}: ${Date.now() - began} ms`);
	console.log(`${why ? "not ok" : "ok"} ${n} - ${what}${why ? `\n${why.slice(0, 1500).replace(/^/gm, "#   ")}` : ""}`);
	return !why;
}
/** Nothing, or what is wrong. */
const none = (list) => (list.length ? JSON.stringify(list.slice(0, 5)) : undefined);

/* --- a proxy in front, so that the connection can be cut ----------------------------------------------------- */

const target = new URL(LINK);
const sockets = new Set();
let accepts = true;
const proxy = net.createServer((from) => {
	if (!accepts)
		return from.destroy();
	const to = net.connect(Number(target.port), target.hostname);
	sockets.add(from);
	for (const [a, b] of [[from, to], [to, from]]) {
		a.pipe(b);
		a.on("error", () => b.destroy());
		a.on("close", () => (b.destroy(), sockets.delete(a)));
	}
});

/* --- the browser ----------------------------------------------------------------------------------------------- */

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium-headless-shell", args: ["--no-sandbox", "--disable-gpu"] });
const offences = { elsewhere: [], policy: [], errors: [] };
function watch(context) {
	context.on("request", (r) => {
		const u = new URL(r.url());
		if (u.origin !== origin && u.protocol !== "data:")
			offences.elsewhere.push(r.url());
	});
	context.on("console", (m) => {
		const text = m.text();
		if (/Content Security Policy/i.test(text))
			offences.policy.push(text);
		else if (m.type() === "error" && !/Failed to load resource|ERR_/.test(text))
			offences.errors.push(text);
	});
	context.on("weberror", (e) => offences.errors.push(e.error().stack ?? e.error().message));
}
async function open(link, options) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
	watch(context);
	await context.addInitScript(() => {
		document.addEventListener("securitypolicyviolation", (e) => console.error(`Content Security Policy: ${e.violatedDirective} ${e.blockedURI}`));
	});
	const page = await context.newPage();
	page.setDefaultTimeout(20000);
	if (link)
		await page.goto(link);
	return page;
}
/** Shows a view and waits until what it is about is there. */
async function go(page, hash, text) {
	await page.evaluate((h) => (location.hash = h), hash);
	await page.locator("main").getByText(text).first().waitFor();
	await page.locator(".waiting").waitFor({ state: "detached" });
}
/** Kept in build/page/. */
const picture = (p, name) => (whole ? p.screenshot({ path: `${PICTURES}/${name}.png` }) : undefined);
/** rule: this one alone. */
async function axeFindings(page, rule) {
	if (!whole)
		return undefined;
	await page.evaluate(`${axe}; undefined`).catch(async () => {
		// The policy lets no string be run: it is put in by the debugger, past it.
		const session = await page.context().newCDPSession(page);
		await session.send("Runtime.evaluate", { expression: axe });
	});
	const { violations } = await page.evaluate((r) => axe.run(document, { resultTypes: ["violations"], ...(r ? { runOnly: [r] } : {}) }), rule);
	return none(violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((x) => `${x.target} ${x.any[0]?.message ?? ""}`).join(" | ")}`));
}

const page = await open(LINK);
await ok("the link logs in, and the first line answers", async () => {
	await page.locator("#answer-text").filter({ hasText: /^Yes: \d+ critical/ }).waitFor();
});
await ok("the map has a node for each that has reported", async () => {
	await page.locator(".map-box canvas").waitFor();
	const total = await page.evaluate(() => [...document.querySelectorAll(".map .chip b")].reduce((sum, b) => sum + Number(b.textContent.replaceAll(",", "")), 0));
	return total >= 94 || `${total} nodes`;
});
await ok("the backdoor stands in the inbox with who opened it and where", async () => {
	const card = page.locator(".card", { hasText: "mlee" });
	await card.waitFor();
	const text = await card.textContent();
	return (text.includes("nc mlee") && text.includes("node[007,009]") && text.includes("2 nodes")) || text;
});

/* --- every view, in both colours ------------------------------------------------------------------------------- */

// A link is good once, and ends the one before.
const another = () => execFileSync("ajar", ["web", "login", "--data", DATA, "--web", target.host], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).match(/http:\S+/)[0];
const dark = whole ? await open(another(), { colorScheme: "dark" }) : undefined;
await dark?.locator("#answer-text").filter({ hasText: /^Yes/ }).waitFor();
const id = (await page.locator(".card", { hasText: "mlee" }).locator("a").getAttribute("href")).split("/").pop();
const views = [
	["cluster", "#/", "Needs a decision"],
	["filled", "#/?ask=opened&by=mark", "Needs a decision"],
	["node", "#/node/node007", "Profile, kernel and scan"],
	["alert", `#/alert/${id}`, "Why, and what to do"],
	["alerts", "#/alerts?all=1", "choose all"],
	["nodes", "#/nodes", "known to this store"],
	["find", "#/find?q=%3A4444", "Open now"],
	["profiles", "#/profiles", "What is normal"],
	["profile", "#/profile/compute", "Doors of this class"],
	["scans", "#/scans", "How old the view is"],
	["health", "#/health", "Not recording"],
];
for (const [name, hash, text] of views) {
	await ok(`${name}: it is shown${whole ? ", and axe finds nothing, light and dark" : ""}`, async () => {
		for (const [p, colour] of [[page, "light"], [dark, "dark"]].slice(0, whole ? 2 : 1)) {
			await go(p, hash, text);
			await picture(p, `${name}-${colour}`);
			const found = await axeFindings(p, colour === "dark" ? "color-contrast" : undefined); // the other rules see no colours
			if (found)
				return `${colour}: ${found}`;
		}
		return undefined;
	});
}
await dark?.context().close();
await ok("a row for a package says so", async () => {
	await go(page, "#/profile/login", "allow tcp 7003 package openssh-server");
	return undefined;
});
await ok("and one for a script, as a shell takes it", async () => {
	await go(page, "#/profile/login", "allow tcp 7004 exe /usr/bin/python3.11 argv '/opt/a.py ...'");
	return undefined;
});

/* --- hostile names ------------------------------------------------------------------------------------------------ */

/** What of a hostile text got through, or nothing. */
const through = (p) => p.evaluate(() => {
	const raw = document.body.textContent.match(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
	const out = {
		elements: [...document.querySelectorAll("main img, main script, main i, main u, main s, main bdi > *, main b > b")].map((e) => e.outerHTML.slice(0, 100)),
		raw: raw ? `U+${raw[0].charCodeAt(0).toString(16)} at ${JSON.stringify(document.body.textContent.slice(Math.max(0, raw.index - 60), raw.index + 20))}` : "",
		attributes: [...document.querySelectorAll("main *")].flatMap((e) => [...e.attributes]).filter((a) => /^on/.test(a.name) || /^(javascript|data):/i.test(a.value)).map((a) => a.name),
		title: document.title === "1",
		wide: document.documentElement.scrollWidth > innerWidth ? `${document.documentElement.scrollWidth} of ${innerWidth}` : "",
	};
	return out.elements.length || out.raw || out.attributes.length || out.title || out.wide ? out : undefined;
});
const open_alerts = await page.evaluate(() => fetch("/api/v1/alerts?status=open").then((r) => r.json()));
const evilAlerts = open_alerts.items.filter((a) => [5556, 5557].includes(a.port)).map((a) => a.id);
const evilViews = [
	["#/", "Needs a decision"], ["#/alerts", "choose all"], ["#/nodes", "known to this store"], ["#/find?q=%3A5555-5557", "Open now"], ["#/node/gpu03", "Profile, kernel and scan"],
	[`#/node/${encodeURIComponent(EVIL_NODE)}`, "Profile, kernel and scan"], ["#/profiles", "What is normal"], [`#/profile/${encodeURIComponent(EVIL_CLASS)}`, "Doors of this class"],
	["#/health", "Not recording"], ...evilAlerts.map((x) => [`#/alert/${x}`, "What was decided"]),
];
for (const [w, high] of whole ? [[1280, 800], [360, 740]] : [[360, 740]]) {
	await ok(`hostile text is text at ${w} pixels: no element of it, no script of it, its controls visible, nothing wider than the screen`, async () => {
		await page.setViewportSize({ width: w, height: high });
		for (const [hash, text] of evilViews) {
			await go(page, hash, text);
			const found = await through(page);
			if (found) {
				await picture(page, `hostile-${w}`);
				return { hash, ...found };
			}
		}
		return evilAlerts.length === 2 || evilAlerts;
	});
}
await page.setViewportSize({ width: 1280, height: 800 });
await ok("each field of a hostile program is shown, and so are note and reason", async () => {
	await go(page, `#/alert/${evilAlerts.find((x) => open_alerts.items.find((a) => a.id === x).port === 5556)}`, "What was decided");
	await page.locator(".evidence").first().waitFor();
	const shown = await page.locator("main").textContent();
	await go(page, `#/profile/${encodeURIComponent(EVIL_CLASS)}`, "/opt/<b>x");
	const profile = await page.locator("main").textContent();
	const missing = [
		[shown, "<s>evil"], [shown, "<u>class"], [shown, "/tmp/<script>document.title=1<"], [shown, "<b><img src=x onerror=document.title=1>\\x1b]0;x\\x07"],
		[shown, "<i>web<img"], [shown, "'<script>document.title=1</script>' '<img' src=x"], [shown, ": <script>document.title=1</script>"],
		[profile, "<u>class"], [profile, "/opt/<b>x"], [profile, "<script>document.title=1</script>"],
	].filter(([text, want]) => !text.includes(want)).map(([, want]) => want);
	return missing.length ? { missing, shown: shown.slice(0, 1200) } : undefined;
});
const alertOf = (text) => open_alerts.items.find((a) => a.summary.includes(text)).id;
await ok("each stands there as it is", async () => {
	for (const [text, shown] of [["<img", 'onerror="document.title=1">'], ["gnp.exe", "gnp.exe \\x1b[31mred\\x07"], ["5555", "<script>alert(1)</script>"]]) {
		await go(page, `#/alert/${alertOf(text)}`, "Why, and what to do");
		const all = await page.locator("main").textContent();
		if (!all.includes(shown) || /[\u202a-\u202e]/.test(all))
			return `${shown}: ${all.slice(0, 300)}`;
	}
	return undefined;
});
await ok("4,096 bytes are cut, with the whole in the title", async () => {
	await go(page, `#/alert/${alertOf("00000000007")}`, "Why, and what to do");
	const lead = page.locator(".lead bdi");
	const [text, title] = [await lead.textContent(), await lead.getAttribute("title")];
	const wide = await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
	return (text.length <= 400 && title.length >= 4000 && wide) || `${text.length} of ${title.length} characters, ${wide ? "" : "too wide"}`;
});

/* --- narrow, wide, printed ------------------------------------------------------------------------------------------ */

for (const [w, high] of whole ? [[360, 740], [2560, 1440]] : []) {
	await ok(`${w} pixels: nothing is wider than the screen`, async () => {
		await page.setViewportSize({ width: w, height: high });
		for (const [name, hash, text] of views.slice(0, 6)) {
			await go(page, hash, text);
			const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
			await picture(page, `${name}-${w}`);
			if (wide > room)
				return `${name}: ${wide} of ${room}`;
		}
		return undefined;
	});
}
await page.setViewportSize({ width: 1280, height: 800 });
await ok("printed, it has no controls", async () => {
	await go(page, "#/", "Needs a decision");
	await page.emulateMedia({ media: "print" });
	const shown = await page.locator(".top").isVisible();
	await page.emulateMedia({ media: "screen" });
	return !shown;
});

const alertNow = (key, summary) => execFileSync(PUT_ALERTS, [AJAR_STORE_URI, "open", key, summary, "critical", "compute"]);

/* --- keys --------------------------------------------------------------------------------------------------------------- */

const selected = () => page.locator(".card.selected").getAttribute("data-key");
await ok("j and k go through the alerts, Enter opens one", async () => {
	await page.locator("main").focus();
	const first = await selected();
	await page.keyboard.press("j");
	const second = await selected();
	await page.keyboard.press("k");
	if (first === second || (await selected()) !== first)
		return `${first} ${second} ${await selected()}`;
	await page.keyboard.press("Enter");
	await page.getByText("Why, and what to do").waitFor();
	return page.url().endsWith(`#/alert/${first}`) || page.url();
});
await ok("n goes to a node that is not well, arrows move, Enter opens it", async () => {
	await go(page, "#/", "Needs a decision");
	await page.keyboard.press("n");
	const status = page.locator("#map-status");
	await status.filter({ hasText: /critical|warning|not recording/ }).waitFor();
	const at = await status.textContent();
	await page.keyboard.press("ArrowRight");
	const then = await status.textContent();
	await page.keyboard.press("Enter");
	await page.getByText("Profile, kernel and scan").waitFor();
	return at !== then || at;
});
await ok("/ searches with completion; the address holds what was found", async () => {
	await page.keyboard.press("/");
	await page.keyboard.type("cla");
	await page.locator("#search-list li").first().waitFor();
	await page.keyboard.press("ArrowDown");
	await page.keyboard.press("Enter");
	await page.keyboard.type("gpu");
	const value = await page.locator("#search").inputValue();
	await page.keyboard.press("Enter");
	await page.getByText("Open now").waitFor();
	return (value === "class:gpu" && page.url().includes("q=class%3Agpu")) || `${value} ${page.url()}`;
});
await ok("? shows the keys, Escape ends it", async () => {
	await page.locator("main").focus();
	await page.keyboard.press("?");
	await page.locator("dialog.help").waitFor();
	await page.keyboard.press("Escape");
	await page.locator("dialog.help").waitFor({ state: "detached" });
});
await ok("beside an impostor the profile says whom its row is for", async () => {
	await go(page, "#/node/node031", "Profile, kernel and scan");
	const row = page.locator("main tr", { hasText: "impostor" }).filter({ hasText: "tcp 22" }).first();
	const text = await row.textContent();
	await go(page, "#/node/node030", "Profile, kernel and scan");
	const well = await page.locator("main tr", { hasText: "tcp 22" }).first().textContent();
	return (text.includes("allow only program /usr/sbin/sshd") && well.includes("allow") && !well.includes("only")) || `${text} ${well}`;
});
await ok("three clicks from the address to the backdoor's owner and since when", async () => {
	await go(page, "#/", "Needs a decision");
	await page.locator(".card", { hasText: "mlee" }).locator("a.card-title").click();
	await page.getByText("Opened and holds it").waitFor();
	const text = await page.locator(".evidence").textContent();
	return (/mlee/.test(text) && /open since/.test(text) && /\/tmp\/\.x\/nc/.test(text) && /everybody may write/.test(text)) || text.slice(0, 600);
});
/** The dialog of that alert's button, filled in and sent; what the page says then. */
async function act(p, alert, button, fill) {
	await go(p, `#/alert/${alert}`, "Why, and what to do");
	await p.locator("main .actions button", { hasText: button }).first().click();
	const dialog = p.locator("dialog.action");
	await dialog.waitFor();
	await fill?.(dialog);
	await dialog.locator("button[type=submit]").click();
	await dialog.waitFor({ state: "detached" });
	return p.locator("#toast").textContent();
}
const stateOf = (p, alert) => p.evaluate((x) => fetch(`/api/v1/alerts/${x}`).then((r) => r.json()).then((a) => a.state), alert);
await ok("a is acknowledge: with the command that does the same; Escape changes nothing", async () => {
	await go(page, "#/", "Needs a decision");
	await page.locator("main").focus();
	await page.keyboard.press("a");
	const dialog = page.locator("dialog.action");
	await dialog.waitFor();
	const text = await dialog.textContent();
	const found = await axeFindings(page);
	await page.keyboard.press("Escape");
	await dialog.waitFor({ state: "detached" });
	return found ?? (/ajar alerts ack \d+ --note/.test(text) || text);
});
await ok("allow shows the rule that it would write, and writes it with its reason", async () => {
	const alert = alertOf("5555");
	const said = await act(page, alert, "Allow", async (dialog) => {
		await dialog.locator(".rule").filter({ hasText: "it would have silenced 1 alert" }).waitFor();
		const rule = await dialog.locator(".rule").textContent();
		if (!rule.includes("5555") || (await axeFindings(page)))
			throw new Error(`${rule} ${await axeFindings(page)}`);
		await picture(page, "allow-light");
		await dialog.locator("#action-reason").fill("<b>a tool</b>");
		await dialog.locator("#action-ticket").fill("T-4711");
	});
	return (said.includes(`alert ${alert} allowed`) && (await stateOf(page, alert)) === "allowed") || said;
});
for (const [role, password] of [["operator", "correct horse"], ["viewer", "correct horse"]])
	execFileSync("ajar", ["web", "user", "add", role, "--role", role, "--data", DATA], { input: `${password}\n`, stdio: ["pipe", "ignore", "inherit"] });
async function logIn(name) {
	const p = await open(`${origin}/`);
	await p.getByRole("heading", { name: "Log in" }).waitFor();
	await p.locator("input[type=password]").fill("correct horse");
	await p.locator("form input").first().fill(name);
	await p.locator("form button").first().click();
	await p.locator("#answer-text").filter({ hasText: /^(Yes|No|Not)\b/ }).waitFor();
	return p;
}
const operator = await logIn("operator");
await ok("an operator acknowledges with a note, snoozes, and may not allow", async () => {
	const [first, second] = [alertOf("6001"), alertOf("6002")];
	const said = await act(operator, first, "Acknowledge", (dialog) => dialog.locator("#action-reason").fill("looked at"));
	const then = await act(operator, second, "Snooze", (dialog) => dialog.locator("#action-until").selectOption({ label: "4 hours" }));
	const states = [await stateOf(operator, first), await stateOf(operator, second)].join();
	await go(operator, `#/alert/${alertOf("6003")}`, "Why, and what to do");
	const buttons = await operator.locator("main .actions").first().textContent();
	return (said.includes("acknowledged") && then.includes("snoozed until") && states === "acknowledged,snoozed" && !buttons.includes("Allow")) || [said, then, states, buttons].join(" ");
});
await ok("what another has done meanwhile is said where it was asked", async () => {
	await go(operator, "#/", "Needs a decision");
	const card = operator.locator(".card", { hasText: "6003" });
	const alert = alertOf("6003");
	await go(page, `#/alert/${alert}`, "Why, and what to do");
	await page.locator("main .actions button", { hasText: "Acknowledge" }).first().click();
	await page.locator("dialog.action").waitFor();
	await card.first().waitFor();
	const first = await act(operator, alert, "Acknowledge");
	await page.locator("dialog.action button[type=submit]").click();
	const why = page.locator("dialog.action .error").filter({ hasText: "acknowledged already" });
	await why.waitFor();
	await page.keyboard.press("Escape");
	return first.includes("acknowledged") || first;
});
await operator.context().close();
await ok("a viewer sees no button, and no key acts", async () => {
	const p = await logIn("viewer");
	await go(p, "#/", "Needs a decision");
	await p.locator("main").focus();
	await p.keyboard.press("a");
	const inCards = await p.locator(".card .actions button").count();
	await go(p, "#/alerts", "Alerts");
	const inList = await p.locator("main .actions button").count();
	const dialogs = await p.locator("dialog.action").count();
	await p.context().close();
	return (!inCards && !inList && !dialogs) || `${inCards} ${inList} ${dialogs}`;
});
await ok("several at once, from the list", async () => {
	await go(page, "#/alerts", "choose all");
	await page.locator("#choose-all").check();
	await page.locator("main .actions button", { hasText: "Snooze" }).first().click();
	const dialog = page.locator("dialog.action");
	await dialog.locator("button[type=submit]").click();
	await dialog.waitFor({ state: "detached" });
	const said = await page.locator("#toast").textContent();
	const reopened = await act(page, id, "Reopen");
	return (/^\d+ alerts snoozed/.test(said) && reopened.includes("reopened")) || `${said} ${reopened}`;
});
await ok("a stretch of the timeline can be brushed: map and inbox are those of its end, nothing can be decided there, and it is left again", async () => {
	const state = () => page.evaluate(() => ({ first: document.querySelector("#answer-text").textContent, cards: [...document.querySelectorAll(".card-title")].map((a) => a.textContent.trim()).join("; "), buttons: document.querySelectorAll(".inbox .actions button").length, critical: document.querySelector(".chip.mark-critical b")?.textContent ?? "0", map: document.querySelector(".map-box canvas").clientHeight > 40 }));
	await go(page, "#/", "Needs a decision");
	// What is loaded above it may move the strip between the look and the mouse.
	for (let tries = 0; tries < 10 && !page.url().includes("from="); tries++) {
		const box = await page.locator(".strip-box canvas").boundingBox();
		await page.mouse.move(box.x + box.width * 0.6, box.y + 20);
		await page.mouse.down();
		await page.mouse.move(box.x + box.width * 0.99, box.y + 20, { steps: 4 });
		await page.mouse.up();
		await page.waitForURL(/from=/, { timeout: 2000 }).catch(() => {});
	}
	await page.getByText(/changes? between/).waitFor();
	await picture(page, "brushed-light");
	const held = /from=\d+&to=\d+/.test(page.url());
	// The doors of this test are of the last minutes: at the end of this stretch they were open, or not yet.
	const near = await state();
	// Three hours ago there was nothing yet, and the address alone says so.
	const [from, to] = await page.evaluate(() => [10800, 10740].map((s) => Math.floor(Date.now() / 1000) - s));
	await page.evaluate(([a, b]) => (location.hash = `#/?from=${a}&to=${b}`), [from, to]);
	await page.locator("#answer-text").filter({ hasText: /no alert was open/ }).waitFor();
	await picture(page, "past-light");
	const found = await axeFindings(page);
	if (found)
		return found;
	const past = await state();
	// What is committed now goes on in the present and not in what is shown.
	const told = page.waitForResponse((r) => r.url().includes("/api/v1/alerts?status=open") && r.ok());
	alertNow("then", "found while the past is shown");
	await told;
	await page.locator("main").focus();
	await page.keyboard.press("a");
	const later = await state();
	const dialogs = await page.locator("dialog.action").count();
	await page.reload();
	await page.locator("#answer-text").filter({ hasText: /no alert was open/ }).waitFor();
	await page.getByRole("button", { name: "Back to now" }).click();
	await page.locator("#inbox-title").filter({ hasText: "Needs a decision" }).waitFor();
	await page.locator(".card", { hasText: "found while the past is shown" }).waitFor();
	const now = await state();
	return (held && /^At .* UTC .*open\.$/.test(near.first) && !near.buttons && !past.cards && past.critical === "0" && near.map && !past.map && JSON.stringify(past) === JSON.stringify(later) && !dialogs && now.buttons && /^Yes/.test(now.first))
		|| JSON.stringify({ held, near, past, later, dialogs, now });
});
await ok("the switch of colours is kept", async () => {
	const shown = () => page.evaluate(() => document.documentElement.dataset.theme);
	await page.locator("#theme").click();
	const chosen = await shown();
	await page.reload();
	await page.locator("#answer-text").filter({ hasText: /^Yes/ }).waitFor();
	return (chosen === "dark" && (await shown()) === "dark") || chosen;
});

/* --- the stream ----------------------------------------------------------------------------------------------------------- */

await ok("a new critical finding is shown and read out by itself", async () => {
	await go(page, "#/", "Needs a decision");
	alertNow("fresh", "a fresh finding");
	await page.locator(".card", { hasText: "a fresh finding" }).or(page.locator("#answer-more", { hasText: "a fresh finding" })).first().waitFor();
	await page.locator("#announce").filter({ hasText: "a fresh finding" }).waitFor({ state: "attached" });
});
await ok("alerts that could not be read are asked for again, though nothing new happens", async () => {
	let refused = 0;
	const list = (url) => url.pathname === "/api/v1/alerts";
	await page.route(list, (route) => (refused++ ? route.fallback() : route.abort()));
	alertNow("refused", "a refused finding");
	await page.locator("#answer-more, .cards").filter({ hasText: "a refused finding" }).first().waitFor();
	await page.unroute(list);
	return refused > 1 || `asked ${refused} times`;
});
await ok("a cut stream is said, with since when; what came meanwhile is there afterwards", async () => {
	await new Promise((done) => proxy.listen(0, "127.0.0.1", done));
	const port = proxy.address().port;
	// The same host: the session's cookie has its name by the server's port, so that it is taken along.
	const context = await browser.newContext({ storageState: await page.context().storageState() });
	const p = await context.newPage();
	p.setDefaultTimeout(20000);
	await p.goto(`http://${target.hostname}:${port}/`);
	await p.locator("#live").filter({ hasText: "live" }).waitFor();
	accepts = false;
	for (const s of sockets)
		s.destroy();
	await p.locator("#banner").filter({ hasText: /lost.*\d\d:\d\d:\d\d UTC/ }).waitFor();
	const grey = await p.evaluate(() => getComputedStyle(document.querySelector("main")).filter.includes("grayscale"));
	await picture(p, "stale");
	alertNow("meanwhile", "found meanwhile");
	accepts = true;
	await p.locator(".card", { hasText: "nc" }).first().waitFor();
	await p.locator("#banner").waitFor({ state: "hidden" });
	const text = () => p.evaluate(() => fetch("/api/v1/alerts?status=open").then((r) => r.text()));
	const id2 = JSON.parse(await text()).items.find((a) => a.summary === "found meanwhile")?.id;
	await p.locator(`.card[data-key="${id2}"]`).waitFor();
	await context.close();
	return grey || "not grey";
});
proxy.close();

await ok("all that a search finds is acknowledged at once, with how many before and a reason", async () => {
	execFileSync(PUT_ALERTS, [AJAR_STORE_URI, "many", "620"]);
	await go(page, "#/", "Needs a decision");
	await go(page, "#/find?q=class%3Acompute", "choose all 100");
	await page.locator("#choose-all").check();
	const bar = page.locator("main .actions").first();
	const total = Number((await bar.getByRole("button", { name: /choose all [\d,]+ that match/ }).textContent()).replace(/\D/g, ""));
	await bar.getByRole("button", { name: /that match/ }).click();
	const [label, buttons] = [await bar.textContent(), await bar.locator("button").allTextContents()];
	await bar.locator("button", { hasText: "Acknowledge" }).click();
	const dialog = page.locator("dialog.action");
	const about = await dialog.locator(".about").textContent();
	const n = Number(about.match(/^All ([\d,]+) open alerts that match 'class:compute'/)?.[1].replace(",", ""));
	const command = await dialog.locator("code, pre").first().textContent();
	await dialog.locator("button[type=submit]").click();
	const held = await dialog.isVisible(); // the browser asks for the reason
	await dialog.locator("#action-reason").fill("a storm, looked at");
	const found = whole ? await axeFindings(page) : undefined;
	await dialog.locator("button[type=submit]").click();
	await dialog.waitFor({ state: "detached" });
	const said = await page.locator("#toast").textContent();
	await go(page, "#/", "Needs a decision");
	const left = await page.evaluate(() => fetch("/api/v1/alerts?q=class:compute&limit=500").then((r) => r.json()).then((r) => r.items.filter((a) => a.state === "open").length));
	return (n >= 620 && n <= total && label.includes("chosen") && !buttons.join().includes("Allow") && held && said.startsWith(`${n} alerts acknowledged`) && !left && command.startsWith("ajar alerts ack class:compute --note") && !found)
		|| JSON.stringify({ total, n, label, buttons, about, command, held, said, left, found });
});
await ok("a session that has ended meanwhile acts no more, and the page says how to log in", async () => {
	const p = await logIn("operator");
	await go(p, `#/alert/${alertOf("6003")}`, "Why, and what to do");
	const before = await stateOf(page, alertOf("6003"));
	await p.locator("main .actions button").first().click();
	await p.locator("dialog.action").waitFor();
	// As another tab does it: this one is not told.
	const out = await p.evaluate(async () => {
		const { csrf } = await fetch("/api/v1/me").then((r) => r.json());
		return fetch("/logout", { method: "POST", headers: { "X-CSRF": csrf } }).then((r) => r.status);
	});
	await p.locator("dialog.action button[type=submit]").click();
	await p.locator("dialog.action .error").filter({ hasText: /log in/i }).or(p.getByRole("heading", { name: "Log in" })).first().waitFor();
	const after = await stateOf(page, alertOf("6003"));
	await p.context().close();
	return (out === 204 && before === after) || `${out} ${before} ${after}`;
});

/* --- who is not logged in -------------------------------------------------------------------------------------------------- */

await ok("without a session the page says how to log in, and shows nothing else", async () => {
	const p = await open(`${origin}/#/alerts`);
	await p.getByRole("heading", { name: "Log in" }).waitFor();
	const text = await p.locator("body").textContent();
	const found = await axeFindings(p);
	await picture(p, "login");
	await p.context().close();
	return found ?? (!text.includes("4444") || text.slice(0, 300));
});

/* --- ten thousand nodes: the state is invented, the drawing is not ------------------------------------------------------------ */

whole && await ok("10,000 nodes: 1,000 changes are drawn in at most 16 ms", async () => {
	const times = await page.evaluate(async () => {
		const base = document.querySelector("script[type=module]").src.replace(/[^/]*$/, "");
		const [{ Cluster, QUESTIONS, groups }, { NodeMap }] = await Promise.all([import(`${base}state.js`), import(`${base}map.js`)]);
		const many = Array.from({ length: 10000 }, (_, i) => i);
		const column = (f) => many.map(f);
		const nodes = {
			name: column((i) => `n${String(i).padStart(5, "0")}`), class: column((i) => i % 4), rack: null, health: column(() => 0), worst: column(() => 0),
			alerts: column(() => 0), last: column(() => 1), opened_hour: column(() => 0), scan: column(() => 0), agent: column(() => 0),
		};
		const top = { version: "1", now: new Date().toISOString(), classes: ["a", "b", "c", "d"], versions: ["1"], groups: {}, health_words: ["recording"], severity_words: ["none", "notice", "warning", "critical"], judged_behind_s: 0 };
		const cluster = new Cluster();
		cluster.apply({ ...top, nodes }, Date.now());
		const box = document.querySelector(".map-box");
		box.replaceChildren();
		const map = new NodeMap(box, document.createElement("p"), () => {});
		map.show(cluster, groups(cluster, "class"), QUESTIONS[0], null);
		const rows = many.filter((i) => i % 10 === 0);
		const out = [];
		for (let k = 0; k < 9; k++) {
			const change = Object.fromEntries(Object.entries(nodes).map(([key, v]) => [key, v && rows.map((r) => v[r])]));
			change.i = rows;
			change.worst = rows.map(() => (k % 2 ? 3 : 0));
			change.alerts = rows.map(() => k % 2);
			await new Promise(requestAnimationFrame);
			const began = performance.now();
			cluster.apply({ ...top, nodes: change }, Date.now());
			map.draw();
			out.push(performance.now() - began);
		}
		return out.sort((a, b) => a - b);
	});
	const median = times[times.length >> 1];
	console.log(`# median ${median.toFixed(1)} ms, least ${times[0].toFixed(1)}, most ${times[times.length - 1].toFixed(1)}`);
	// Of many the least is what it costs where nobody else runs.
	return times[0] <= 16 || `${times}`;
});

/* --- of all the steps ------------------------------------------------------------------------------------------------------------ */

await ok("no request left the origin", () => none(offences.elsewhere));
await ok("the policy was not offended", () => none(offences.policy));
await ok("no error was thrown", () => none(offences.errors));
await browser.close();
process.exitCode = bad ? 1 : 0;
