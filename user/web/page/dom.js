// SPDX-License-Identifier: GPL-2.0
/*
 * Elements. Text goes in as text, never as markup; what a node said goes in through said(), which makes it visible, cuts it and
 * keeps its direction to itself.
 */
import { cut, visible } from "./text.js";

/** @typedef {import("./types").Content} Content */

/**
 * An element; attributes true are set empty, false, null and undefined are left out, functions are listeners.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag "div"
 * @param {Record<string, string | number | boolean | null | undefined | ((e: any) => void)>} [attributes]
 * @param {...Content} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
	const el = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		if (typeof value === "function")
			el.addEventListener(name.slice(2), value);
		else if (value !== false && value !== null && value !== undefined)
			el.setAttribute(name, value === true ? "" : String(value));
	}
	put(el, children);
	return el;
}

/**
 * @param {Element} el
 * @param {Content[]} children
 */
function put(el, children) {
	for (const c of children) {
		if (Array.isArray(c))
			put(el, c);
		else if (c !== null && c !== undefined && c !== false)
			el.append(c instanceof Node ? c : String(c));
	}
}

const TITLE_MAX = 4096;

/**
 * What a node said: visible, at most max characters with the whole in the title, isolated from its neighbours' direction.
 * @param {unknown} value
 * @param {number} [max]
 * @param {string} [css]
 */
export function said(value, max = 120, css = "") {
	const whole = visible(value);
	const short = cut(whole, max);
	return h("bdi", { dir: "auto", class: css || null, title: short === whole ? null : cut(whole, TITLE_MAX) }, short);
}

const SVG = "http://www.w3.org/2000/svg";

/** The sprite's address, next to this module. */
const SPRITE = new URL("./icons.svg", import.meta.url).pathname;

/**
 * @param {string} name
 * @param {string} [label] what it says where it stands alone; else it is decoration
 */
export function icon(name, label) {
	const svg = document.createElementNS(SVG, "svg");
	svg.setAttribute("class", `icon icon-${name}`);
	if (label) {
		svg.setAttribute("role", "img");
		svg.setAttribute("aria-label", label);
	} else {
		svg.setAttribute("aria-hidden", "true");
	}
	const use = document.createElementNS(SVG, "use");
	use.setAttribute("href", `${SPRITE}#${name}`);
	svg.append(use);
	return svg;
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...Element} children
 */
export function s(tag, attributes, ...children) {
	const el = document.createElementNS(SVG, tag);
	for (const [k, v] of Object.entries(attributes))
		el.setAttribute(k, String(v));
	el.append(...children);
	return el;
}

/** @type {WeakMap<Element, string>} */
const signatures = new WeakMap();

/**
 * The children of parent become one element an item; an element whose item is the same stays, with focus and place.
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {(item: T) => string} key
 * @param {(item: T) => HTMLElement} build
 * @param {(item: T) => unknown} [looks] what its looks depend on; without it all of it
 */
export function keyed(parent, items, key, build, looks = (item) => item) {
	const old = new Map([...parent.children].map((el) => [el.getAttribute("data-key") ?? "", el]));
	const focus = document.activeElement;
	/** @type {Element[]} */
	const made = [];
	for (const item of items) {
		const k = key(item);
		const sign = JSON.stringify(looks(item));
		let el = old.get(k);
		if (!el || signatures.get(el) !== sign) {
			const fresh = build(item);
			fresh.setAttribute("data-key", k);
			signatures.set(fresh, sign);
			if (el && focus && el.contains(focus))
				refocus(el, fresh, focus);
			el?.replaceWith(fresh);
			el = fresh;
		}
		old.delete(k);
		made.push(el);
	}
	for (const el of old.values())
		el.remove();
	made.forEach((el, i) => {
		if (parent.children[i] !== el)
			parent.insertBefore(el, parent.children[i] ?? null);
	});
}

/**
 * The same control of the new element gets the focus.
 * @param {Element} old
 * @param {HTMLElement} fresh
 * @param {Element} focus
 */
function refocus(old, fresh, focus) {
	const at = focus === old ? -1 : [...old.querySelectorAll("*")].indexOf(focus);
	queueMicrotask(() => {
		const to = at < 0 ? fresh : fresh.querySelectorAll("*")[at];
		if (to instanceof HTMLElement)
			to.focus({ preventScroll: true });
	});
}

/**
 * A command to copy: the line that does or shows the same.
 * @param {string} line
 */
export function command(line) {
	const button = h("button", { type: "button", class: "copy", title: "Copy", "aria-label": `Copy the command ${visible(line)}` }, icon("copy"));
	button.addEventListener("click", async () => {
		try {
			await navigator.clipboard.writeText(line);
			button.replaceChildren(icon("check"));
		} catch {
			getSelection()?.selectAllChildren(code);
		}
	});
	const code = h("code", {}, said(line, 300));
	return h("span", { class: "command" }, code, button);
}

/**
 * Nothing to show: why, and what to do next.
 * @param {string} why
 * @param {string} [line] the next command
 */
export function empty(why, line) {
	return h("div", { class: "empty" }, h("p", {}, why), line ? h("p", {}, "Next: ", command(line)) : null);
}

/** The head of a column of boxes: for those who hear it. */
export const CHOOSE = "Choose";

/**
 * A table.
 * @param {string} caption
 * @param {{head: string, css?: string}[]} columns
 * @param {Content[][]} rows
 */
export function table(caption, columns, rows) {
	return h(
		"div",
		{ class: "table-scroll", tabindex: 0, role: "region", "aria-label": caption },
		h(
			"table",
			{},
			h("caption", { class: "sr" }, caption),
			h("thead", {}, h("tr", {}, columns.map((c) => h("th", { scope: "col", class: c.css }, c.head === CHOOSE ? h("span", { class: "sr" }, c.head) : c.head)))),
			h(
				"tbody",
				{},
				rows.map((row) => h("tr", {}, row.map((cell, i) => h("td", { class: columns[i]?.css, "data-head": columns[i]?.head }, Array.isArray(cell) ? h("span", {}, cell) : cell)))),
			),
		),
	);
}

/**
 * Terms and what they are; those without a value are left out.
 * @param {[string, Content][]} pairs
 */
export function facts(pairs) {
	return h(
		"dl",
		{ class: "facts" },
		pairs
			.filter(([, v]) => v !== null && v !== undefined && v !== false && v !== "")
			.map(([k, v]) => h("div", {}, h("dt", {}, k), h("dd", {}, v))),
	);
}
