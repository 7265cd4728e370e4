// SPDX-License-Identifier: GPL-2.0
/*
 * The map: a canvas with one mark a node. It draws what the store has and knows nothing else; colours come from the style
 * sheet, so that themes are made in one place.
 */
import { CELL_MAX, HEAD, hit, layout, neighbour } from "./map_layout.js";
import { MARK_WORDS } from "./state.js";
import { ago, count, cut, visible } from "./text.js";

/** @typedef {import("./state.js").Cluster} Cluster */
/** @typedef {import("./state.js").Mark} Mark */

const LOUD_MIN = 13; // px: what is wrong is not drawn smaller, over its neighbours
const CROWDED_MIN = 7;
const FADED = 0.45;

/**
 * Marks that are drawn over the quiet ones, the worst last.
 * @type {Mark[]}
 */
const LOUD = ["acked", "never", "silent", "notice", "warning", "critical"];

/** @param {Element} el */
function palette(el) {
	const css = getComputedStyle(el);
	const v = (/** @type {string} */ name) => css.getPropertyValue(name).trim();
	return {
		back: v("--back"), ink: v("--ink"), dim: v("--dim"), focus: v("--focus"), font: v("--font"),
		marks: /** @type {Record<Mark, string>} */ ({
			critical: v("--critical"), warning: v("--warning"), notice: v("--notice"), silent: v("--ink"),
			never: v("--dim"), acked: v("--notice"), ok: v("--ok"),
		}),
		steps: [0, 1, 2, 3, 4].map((i) => v(`--step-${i}`)),
	};
}

/**
 * The shape of a mark around a centre; r is half its width.
 * @param {CanvasRenderingContext2D} g
 * @param {Mark} mark
 * @param {number} x
 * @param {number} y
 * @param {number} r
 * @param {string} colour
 */
export function drawMark(g, mark, x, y, r, colour) {
	g.fillStyle = g.strokeStyle = colour;
	g.lineWidth = Math.min(3, Math.max(1.5, r / 4));
	g.beginPath();
	switch (mark) {
	case "critical":
		g.arc(x, y, r, 0, 2 * Math.PI);
		g.fill();
		break;
	case "warning":
		g.moveTo(x, y - r);
		g.lineTo(x + r * 1.06, y + r * 0.9);
		g.lineTo(x - r * 1.06, y + r * 0.9);
		g.fill();
		break;
	case "notice":
	case "acked": {
		const d = mark === "notice" ? r - g.lineWidth / 2 : r;
		g.moveTo(x, y - d);
		g.lineTo(x + d, y);
		g.lineTo(x, y + d);
		g.lineTo(x - d, y);
		g.closePath();
		if (mark === "notice")
			g.stroke();
		else
			g.fill();
		break;
	}
	case "silent": {
		const d = r - g.lineWidth / 2;
		g.setLineDash([Math.max(2, r / 2.4), Math.max(1.5, r / 3.4)]);
		g.strokeRect(x - d, y - d, 2 * d, 2 * d);
		g.setLineDash([]);
		break;
	}
	case "never": {
		const d = r * 0.7;
		g.moveTo(x - d, y - d);
		g.lineTo(x + d, y + d);
		g.moveTo(x + d, y - d);
		g.lineTo(x - d, y + d);
		g.stroke();
		break;
	}
	default:
		g.fillRect(x - r, y - r, 2 * r, 2 * r);
	}
}

export class NodeMap {
	/**
	 * @param {HTMLElement} box scrolls when the map is higher
	 * @param {HTMLElement} status says what the cursor is on
	 * @param {(row: number) => void} onOpen
	 */
	constructor(box, status, onOpen) {
		this.box = box;
		this.status = status;
		this.onOpen = onOpen;
		this.canvas = document.createElement("canvas");
		this.canvas.tabIndex = 0;
		this.canvas.setAttribute("role", "application");
		this.canvas.setAttribute("aria-roledescription", "map of nodes");
		this.canvas.setAttribute("aria-label", "Map of nodes: arrows move, n goes to the next that is not well, Enter opens");
		this.canvas.setAttribute("aria-describedby", status.id);
		box.append(this.canvas);
		this.g = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
		/** @type {import("./map_layout.js").Layout | null} */
		this.layout = null;
		/** @type {Cluster | null} */
		this.cluster = null;
		/** @type {{name: string, rows: number[]}[]} */
		this.groups = [];
		/** @type {import("./state.js").Question | null} */
		this.question = null;
		/** @type {Set<number> | null} */
		this.lit = null;
		this.cursor = -1;
		this.hover = -1;
		this.colours = palette(box);
		this.lastDrawMs = 0;
		this.#listen();
	}

	#listen() {
		const c = this.canvas;
		const at = (/** @type {MouseEvent} */ e) => (this.layout ? hit(this.layout, e.offsetX, e.offsetY) : -1);
		c.addEventListener("mousemove", (e) => this.#point(at(e)));
		c.addEventListener("mouseleave", () => this.#point(-1));
		c.addEventListener("click", (e) => {
			const row = at(e);
			if (row >= 0)
				this.onOpen(row);
		});
		c.addEventListener("keydown", (e) => this.#key(e));
		c.addEventListener("focus", () => {
			if (this.cursor < 0)
				this.move(this.nextUnwell(1) >= 0 ? this.nextUnwell(1) : (this.layout?.order[0] ?? -1));
			this.draw();
		});
		c.addEventListener("blur", () => this.draw());
		new ResizeObserver(() => this.arrange()).observe(this.box);
	}

	/** @param {KeyboardEvent} e */
	#key(e) {
		if (!this.layout || e.ctrlKey || e.metaKey || e.altKey)
			return;
		if (e.key === "Enter" || e.key === " ") {
			if (this.cursor >= 0)
				this.onOpen(this.cursor);
		} else if (/^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(e.key)) {
			this.move(neighbour(this.layout, this.cursor, /** @type {any} */ (e.key)));
		} else {
			return;
		}
		e.preventDefault();
	}

	/** @param {number} row */
	#point(row) {
		if (row === this.hover)
			return;
		this.hover = row;
		this.canvas.style.cursor = row >= 0 ? "pointer" : "default";
		this.say(row >= 0 ? row : this.cursor);
		this.draw();
	}

	/** @param {number} row */
	move(row) {
		if (row < 0 || !this.layout)
			return;
		this.cursor = row;
		const y = this.layout.y[row];
		if (y < this.box.scrollTop)
			this.box.scrollTop = y - HEAD;
		else if (y + this.layout.cell > this.box.scrollTop + this.box.clientHeight)
			this.box.scrollTop = y + this.layout.cell - this.box.clientHeight + 4;
		this.say(row);
		this.draw();
	}

	/**
	 * The next node that is not well, in the order of the map, or -1.
	 * @param {1 | -1} way
	 */
	nextUnwell(way) {
		const [c, l] = [this.cluster, this.layout];
		if (!c || !l)
			return -1;
		const n = l.order.length;
		const from = this.cursor < 0 ? (way > 0 ? -1 : n) : l.order.indexOf(this.cursor);
		for (let k = 1; k <= n; k++) {
			const row = l.order[(((from + way * k) % n) + n) % n];
			const mark = c.mark(row);
			if (mark !== "ok" && mark !== "acked")
				return row;
		}
		return -1;
	}

	/** @param {number} row */
	say(row) {
		this.status.textContent = row >= 0 && this.cluster ? describe(this.cluster, row, Date.now()) : "";
	}

	/**
	 * @param {Cluster} cluster
	 * @param {{name: string, rows: number[]}[]} groups
	 * @param {import("./state.js").Question} question
	 * @param {Set<number> | null} lit rows that are looked for; the others step back
	 */
	show(cluster, groups, question, lit) {
		this.cluster = cluster;
		this.groups = groups;
		this.question = question;
		this.lit = lit;
		this.arrange();
	}

	arrange() {
		const { clientWidth: w, clientHeight: high } = this.box;
		if (!this.cluster || !w)
			return;
		this.layout = layout(this.groups, w, Math.max(high, 120));
		const ratio = devicePixelRatio || 1;
		const height = Math.max(Math.ceil(this.layout.height), 40);
		const [cw, ch] = [Math.round(w * ratio), Math.round(height * ratio)];
		if (this.canvas.width !== cw || this.canvas.height !== ch) {
			this.canvas.width = cw;
			this.canvas.height = ch;
			this.canvas.style.width = `${w}px`;
			this.canvas.style.height = `${height}px`;
		}
		this.draw();
	}

	/** Colours have changed. */
	repaint() {
		this.colours = palette(this.box);
		this.draw();
	}

	draw() {
		const [c, l, g] = [this.cluster, this.layout, this.g];
		if (!c || !l)
			return;
		const began = performance.now();
		const ratio = devicePixelRatio || 1;
		g.setTransform(ratio, 0, 0, ratio, 0, 0);
		g.fillStyle = this.colours.back;
		g.fillRect(0, 0, l.width, Math.max(l.height, 40));
		this.#heads(l, c);
		this.#cells(l, c);
		this.#cursors(l);
		this.lastDrawMs = performance.now() - began;
	}

	/** @param {import("./map_layout.js").Layout} l @param {Cluster} c */
	#heads(l, c) {
		const g = this.g;
		g.textBaseline = "alphabetic";
		for (const b of l.blocks) {
			if (!b.name)
				continue;
			let wrong = 0;
			for (const row of b.rows) {
				const m = c.mark(row);
				if (m !== "ok" && m !== "acked")
					wrong++;
			}
			const tail = wrong ? `  ${count(wrong)} of ${count(b.rows.length)}` : `  ${count(b.rows.length)}`;
			g.font = `12px ${this.colours.font}`;
			const room = b.width - g.measureText(tail).width;
			g.font = `600 12px ${this.colours.font}`;
			let name = visible(b.name);
			for (let max = Math.min(name.length, 60); max > 3 && g.measureText(name).width > room; max--)
				name = cut(visible(b.name), max);
			g.fillStyle = this.colours.ink;
			g.fillText(`\u2068${name}\u2069`, b.x, b.y + 12);
			const x = b.x + g.measureText(name).width;
			g.font = `12px ${this.colours.font}`;
			g.fillStyle = this.colours.dim;
			g.fillText(tail, x, b.y + 12);
		}
	}

	/** @param {import("./map_layout.js").Layout} l @param {Cluster} c */
	#cells(l, c) {
		const g = this.g;
		const gap = l.cell >= 14 ? 2 : 1;
		const size = l.cell - gap;
		const q = this.question;
		const marksOnly = !q || !q.steps.length;
		const now = c.now(Date.now()) / 1000;
		/** @type {number[][]} */
		const steps = [[], [], [], [], []];
		/** @type {Record<string, number[]>} */
		const loud = Object.fromEntries(LOUD.map((m) => [m, []]));
		/** @type {number[]} */
		const quiet = [];
		for (const row of l.order) {
			if (!marksOnly) {
				steps[q.value(c, row, now)].push(row);
				continue;
			}
			const mark = c.mark(row);
			(mark === "ok" ? quiet : loud[mark]).push(row);
		}
		const lit = this.lit;
		const squares = (/** @type {number[]} */ rows, /** @type {string} */ colour) => {
			g.fillStyle = colour;
			for (const back of [true, false]) {
				if (back && !lit)
					continue;
				g.globalAlpha = back ? 0.25 : 1;
				for (const row of rows)
					if (!lit || lit.has(row) !== back)
						g.fillRect(l.x[row], l.y[row], size, size);
			}
			g.globalAlpha = 1;
		};
		squares(quiet, this.colours.marks.ok);
		steps.forEach((rows, i) => squares(rows, this.colours.steps[i]));
		const isLoud = new Set(LOUD.flatMap((m) => loud[m]));
		const crowded = new Set(l.order.filter((row, k) => isLoud.has(row) && (isLoud.has(l.order[k - 1]) || isLoud.has(l.order[k + 1]))));
		for (const mark of LOUD) {
			for (const row of loud[mark]) {
				// Side by side they need no more room than their cells: many are seen.
				const r = Math.max(size, crowded.has(row) && mark !== "critical" ? CROWDED_MIN : LOUD_MIN) / 2;
				this.#loud(c, /** @type {Mark} */ (mark), row, l.x[row] + size / 2, l.y[row] + size / 2, r, size);
			}
		}
	}

	/**
	 * A node that is wrong: larger than its cell when cells are small, so that one among ten thousand is seen. One that is
	 * not recording keeps what it was last, faded.
	 * @param {Cluster} c @param {Mark} mark @param {number} row @param {number} x @param {number} y @param {number} r
	 * @param {number} size
	 */
	#loud(c, mark, row, x, y, r, size) {
		const g = this.g;
		g.globalAlpha = this.lit && !this.lit.has(row) ? 0.25 : 1;
		g.fillStyle = this.colours.back;
		const halo = size < LOUD_MIN && r * 2 > size ? r + 1 : size / 2 + 0.5;
		g.fillRect(x - halo, y - halo, 2 * halo, 2 * halo);
		const alpha = g.globalAlpha;
		const away = !c.well(row) && mark !== "never";
		if (away && mark !== "silent") {
			g.globalAlpha = alpha * FADED;
			drawMark(g, mark, x, y, r * 0.62, this.colours.marks[mark]);
			g.globalAlpha = alpha;
			drawMark(g, "silent", x, y, r, this.colours.marks.silent);
		} else if (mark === "silent") {
			g.globalAlpha = alpha * FADED;
			g.fillStyle = this.colours.marks.ok;
			g.fillRect(x - r * 0.45, y - r * 0.45, r * 0.9, r * 0.9);
			g.globalAlpha = alpha;
			drawMark(g, mark, x, y, r, this.colours.marks.silent);
		} else {
			drawMark(g, mark, x, y, r, this.colours.marks[mark]);
		}
		g.globalAlpha = 1;
	}

	/** @param {import("./map_layout.js").Layout} l */
	#cursors(l) {
		const g = this.g;
		const size = l.cell - (l.cell >= 14 ? 2 : 1);
		const ring = (/** @type {number} */ row, /** @type {string} */ colour, /** @type {number} */ wide) => {
			const out = Math.max(0, (LOUD_MIN - size) / 2) + wide / 2 + 1;
			g.strokeStyle = colour;
			g.lineWidth = wide;
			g.strokeRect(l.x[row] - out, l.y[row] - out, size + 2 * out, size + 2 * out);
		};
		if (this.hover >= 0 && this.hover < l.x.length)
			ring(this.hover, this.colours.ink, 1);
		if (this.cursor >= 0 && this.cursor < l.x.length && document.activeElement === this.canvas)
			ring(this.cursor, this.colours.focus, 2);
	}

	/** Of a mark for the legend, so that it looks as in the map. */
	get cell() {
		return this.layout?.cell ?? CELL_MAX;
	}
}

/**
 * What the map says of a node, in words.
 * @param {Cluster} c
 * @param {number} row
 * @param {number} clientMs
 */
export function describe(c, row, clientMs) {
	const [n, now] = [c.n, c.now(clientMs)];
	const parts = [cut(visible(n.name[row]), 64), cut(visible(c.classes[n.class[row]] ?? ""), 40)];
	if (c.racks[n.rack[row]])
		parts.push(cut(visible(c.racks[n.rack[row]]), 40));
	const mark = c.mark(row);
	parts.push(MARK_WORDS[mark]);
	if (n.alerts[row])
		parts.push(`${n.alerts[row]} open`);
	if (!c.well(row) && mark !== "never" && n.last.length)
		parts.push(`${visible(c.health(row))}, last heard ${ago(n.last[row], now)}`);
	if (n.opened_hour[row])
		parts.push(`${n.opened_hour[row]} opened in the ${c.atMs ? "hour before" : "last hour"}`);
	return parts.filter(Boolean).join(" · ");
}
