// SPDX-License-Identifier: GPL-2.0
// The pictures of README: a cluster with incidents and one node of it, light and dark, as OUT/cluster-light.png and so on. AT is the
// address of the page, COOKIE its session ("name=value"). Ends with 1 and says why when a page does not show what it is for.
import fs from "node:fs";
import { createRequire } from "node:module";
import { withPalette } from "./palette.mjs";

const require = createRequire(`${process.env.MODULES}/`);
const { chromium } = require("playwright-core");
const { AT, COOKIE, OUT } = process.env;
const [name, value] = COOKIE.split("=");

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium-headless-shell", args: ["--no-sandbox", "--disable-gpu"] });
try {
	fs.mkdirSync(OUT, { recursive: true });
	for (const colorScheme of ["light", "dark"]) {
		const context = await browser.newContext({ viewport: { width: 1180, height: 860 }, colorScheme, reducedMotion: "reduce" });
		await context.addCookies([{ name, value, url: AT }]);
		const page = await context.newPage();
		page.setDefaultTimeout(60000);
		await page.goto(`${AT}/`);
		await page.locator("#answer-text").filter({ hasText: /^Yes: \d+ critical/ }).waitFor();
		await page.locator(".card", { hasText: "31337" }).waitFor();
		await page.locator(".strip-box canvas").waitFor();
		fs.writeFileSync(`${OUT}/cluster-${colorScheme}.png`, withPalette(await page.screenshot()));
		// A node with the backdoor.
		const { items } = await page.evaluate(() => fetch("/api/v1/alerts?status=open&limit=500").then((r) => r.json()));
		const door = items.find((a) => a.port === 31337)?.door;
		await page.goto(`${AT}/#/node/${encodeURIComponent(door.node)}`);
		await page.locator("main tr", { hasText: "31337" }).filter({ hasText: "unexpected" }).waitFor();
		await page.locator("svg.lanes .bar").first().waitFor();
		fs.writeFileSync(`${OUT}/node-${colorScheme}.png`, withPalette(await page.screenshot()));
		await context.close();
	}
} catch (e) {
	console.error(String(e.message ?? e).split("\n").slice(0, 6).join("\n"));
	process.exitCode = 1;
} finally {
	await browser.close();
}
