// SPDX-License-Identifier: GPL-2.0
/*
 * The search field: the filter words of the command line, completed while typing (a combobox with a list).
 */
import { get } from "./api.js";
import { h, said } from "./dom.js";
import { STANDARD_WORDS, complete, completions } from "./filter.js";
import { formatRoute } from "./route.js";

/**
 * @param {HTMLInputElement} input
 * @param {HTMLElement} list
 * @param {import("./main.js").Context} ctx
 */
export function searchField(input, list, ctx) {
	/** @type {import("./types").Words} */
	let words = STANDARD_WORDS;
	let asked = false;
	let at = -1;
	/** @type {{insert: string, hint: string}[]} */
	let offered = [];

	const close = () => {
		list.hidden = true;
		input.setAttribute("aria-expanded", "false");
		input.removeAttribute("aria-activedescendant");
		at = -1;
	};
	const mark = () => {
		[...list.children].forEach((el, i) => el.setAttribute("aria-selected", i === at ? "true" : "false"));
		if (at >= 0)
			input.setAttribute("aria-activedescendant", `search-option-${at}`);
		else
			input.removeAttribute("aria-activedescendant");
	};
	const take = (/** @type {number} */ i) => {
		const done = complete(input.value, input.selectionStart ?? input.value.length, offered[i].insert);
		input.value = done.text;
		input.setSelectionRange(done.caret, done.caret);
		offer();
	};
	const offer = () => {
		const known = { node: ctx.cluster.n.name, class: ctx.cluster.classes };
		offered = completions(input.value, input.selectionStart ?? input.value.length, words, known);
		list.replaceChildren(
			...offered.map((o, i) =>
				h("li", { role: "option", id: `search-option-${i}`, "aria-selected": "false", onpointerdown: (/** @type {Event} */ e) => (e.preventDefault(), take(i)) }, said(o.insert, 60), h("span", { class: "dim" }, ` ${o.hint}`)),
			),
		);
		at = -1;
		list.hidden = !offered.length;
		input.setAttribute("aria-expanded", offered.length ? "true" : "false");
	};

	input.addEventListener("focus", async () => {
		offer();
		if (asked)
			return;
		asked = true;
		try {
			words = await get("filter/words");
			offer();
		} catch {
			asked = false;
		}
	});
	input.addEventListener("input", offer);
	input.addEventListener("blur", close);
	input.addEventListener("keydown", (e) => {
		if ((e.key === "ArrowDown" || e.key === "ArrowUp") && offered.length) {
			if (list.hidden)
				offer();
			at = (at + (e.key === "ArrowDown" ? 1 : -1) + offered.length + 1) % (offered.length + 1);
			if (at === offered.length)
				at = -1;
			mark();
		} else if (e.key === "Tab" && !list.hidden && at >= 0) {
			take(at);
		} else if (e.key === "Enter" && at >= 0) {
			take(at);
		} else if (e.key === "Enter") {
			close();
			ctx.go(formatRoute("find", "", { q: input.value.trim() }));
			return;
		} else if (e.key === "Escape") {
			if (list.hidden)
				input.blur();
			close();
		} else {
			return;
		}
		e.preventDefault();
	});
}
