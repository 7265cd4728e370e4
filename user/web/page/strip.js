// SPDX-License-Identifier: GPL-2.0
/*
 * The strip of time below the map: openings as a quiet histogram, findings as marks above it. A stretch of it can be brushed
 * with the mouse, or by the arrow keys (with Shift its end moves).
 */
import { drawMark } from "./map.js";
import { clock, count, counted } from "./text.js";

/** @typedef {import("./types").Histogram} Histogram */

const HEIGHT = 64;
const AXIS = 15;
const MARKS = 14; // px above the bars for findings
const TICKS_S = [300, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000];

/**
 * Times (ms) for the axis, on whole steps, at most max of them.
 * @param {number} since
 * @param {number} until
 * @param {number} max
 */
export function ticks(since, until, max) {
	const step = (TICKS_S.find((s) => (until - since) / 1000 / s <= max) ?? TICKS_S[TICKS_S.length - 1]) * 1000;
	const out = [];
	for (let t = Math.ceil(since / step) * step; t < until; t += step)
		out.push(t);
	return { step, times: out };
}

export class Strip {
	/**
	 * @param {HTMLElement} box
	 * @param {HTMLElement} status
	 * @param {(from: number, to: number) => void} onBrush ms; 0 and 0: no stretch
	 */
	constructor(box, status, onBrush) {
		this.box = box;
		this.status = status;
		this.onBrush = onBrush;
		this.canvas = document.createElement("canvas");
		this.canvas.tabIndex = 0;
		this.canvas.setAttribute("role", "application");
		this.canvas.setAttribute("aria-roledescription", "timeline");
		this.canvas.setAttribute("aria-label", "Timeline: arrows choose a stretch, Shift and arrows make it longer, Escape ends it");
		this.canvas.setAttribute("aria-describedby", status.id);
		box.append(this.canvas);
		this.g = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
		/** @type {Histogram | null} */
		this.data = null;
		this.from = 0;
		this.to = 0;
		this.drag = -1;
		this.hover = -1;
		this.#listen();
		new ResizeObserver(() => this.draw()).observe(box);
	}

	#listen() {
		const c = this.canvas;
		c.addEventListener("pointerdown", (e) => {
			if (!this.data)
				return;
			c.setPointerCapture(e.pointerId);
			this.drag = this.#bucket(e.offsetX);
			this.#select(this.drag, this.drag);
		});
		c.addEventListener("pointermove", (e) => {
			this.hover = this.#bucket(e.offsetX);
			if (this.drag >= 0)
				this.#select(Math.min(this.drag, this.hover), Math.max(this.drag, this.hover));
			else
				this.draw();
			this.#say(this.hover, this.hover);
		});
		c.addEventListener("pointerleave", () => {
			this.hover = -1;
			this.status.textContent = "";
			this.draw();
		});
		c.addEventListener("pointerup", () => {
			if (this.drag >= 0)
				this.onBrush(this.from, this.to);
			this.drag = -1;
		});
		c.addEventListener("keydown", (e) => this.#key(e));
	}

	/** @param {number} x */
	#bucket(x) {
		const n = this.data?.opened.length ?? 1;
		return Math.max(0, Math.min(n - 1, Math.floor((x / Math.max(1, this.canvas.clientWidth)) * n)));
	}

	/** @param {number} i */
	#time(i) {
		return this.data ? Date.parse(this.data.since) + i * this.data.step_s * 1000 : 0;
	}

	/**
	 * Buckets from a to b, both included.
	 * @param {number} a
	 * @param {number} b
	 */
	#select(a, b) {
		this.from = this.#time(a);
		this.to = this.#time(b + 1);
		this.draw();
	}

	/** @param {KeyboardEvent} e */
	#key(e) {
		const d = this.data;
		if (!d || e.ctrlKey || e.metaKey || e.altKey)
			return;
		if (e.key === "Escape" && this.to) {
			this.clear();
			this.onBrush(0, 0);
		} else if (e.key === "ArrowLeft" || e.key === "ArrowRight") {
			const way = e.key === "ArrowLeft" ? -1 : 1;
			const step = d.step_s * 1000;
			let a = this.to ? Math.round((this.from - this.#time(0)) / step) : d.opened.length - 1;
			let b = this.to ? Math.round((this.to - this.#time(0)) / step) - 1 : d.opened.length - 1 - (way < 0 ? way : 0);
			if (e.shiftKey)
				b = Math.max(a, Math.min(d.opened.length - 1, b + way));
			else if (a + way >= 0 && b + way < d.opened.length)
				[a, b] = [a + way, b + way];
			b = Math.min(b, d.opened.length - 1);
			this.#select(a, b);
			this.#say(a, b);
			this.onBrush(this.from, this.to);
		} else {
			return;
		}
		e.preventDefault();
	}

	/** @param {number} a @param {number} b */
	#say(a, b) {
		const d = this.data;
		if (!d)
			return;
		const sum = (/** @type {number[]} */ v) => v.slice(a, b + 1).reduce((x, y) => x + y, 0);
		const findings = [
			sum(d.critical) && `${count(sum(d.critical))} critical`,
			sum(d.warning) && counted(sum(d.warning), "warning"),
		].filter(Boolean);
		this.status.textContent = `${clock(this.#time(a))} to ${clock(this.#time(b + 1), this.#time(a))} UTC: ${count(sum(d.opened))} opened, ${count(sum(d.closed))} closed${findings.length ? `, ${findings.join(", ")}` : ""}`;
	}

	clear() {
		this.from = this.to = 0;
		this.draw();
	}

	/** @param {Histogram} data @param {number} from @param {number} to */
	show(data, from, to) {
		this.data = data;
		if (this.drag < 0) {
			this.from = from;
			this.to = to;
		}
		this.draw();
	}

	draw() {
		const [g, d, w] = [this.g, this.data, this.box.clientWidth];
		if (!d || !w)
			return;
		const ratio = devicePixelRatio || 1;
		if (this.canvas.width !== Math.round(w * ratio)) {
			this.canvas.width = Math.round(w * ratio);
			this.canvas.height = HEIGHT * ratio;
			this.canvas.style.width = `${w}px`;
			this.canvas.style.height = `${HEIGHT}px`;
		}
		const css = getComputedStyle(this.box);
		const v = (/** @type {string} */ name) => css.getPropertyValue(name).trim();
		g.setTransform(ratio, 0, 0, ratio, 0, 0);
		g.clearRect(0, 0, w, HEIGHT);
		const [since, until] = [Date.parse(d.since), Date.parse(d.until)];
		const x = (/** @type {number} */ t) => ((t - since) / (until - since)) * w;
		const floor = HEIGHT - AXIS;
		if (this.to) {
			g.fillStyle = v("--brush");
			g.fillRect(x(this.from), 0, Math.max(2, x(this.to) - x(this.from)), floor);
		}
		this.#axis(x, since, until, floor, v);
		const most = Math.max(1, ...d.opened);
		const wide = w / d.opened.length;
		g.fillStyle = v("--bar");
		d.opened.forEach((n, i) => {
			const high = n ? Math.max(1.5, (n / most) * (floor - MARKS - 2)) : 0;
			g.fillRect(i * wide, floor - high, Math.max(1, wide - 1), high);
		});
		d.opened.forEach((_, i) => {
			const mark = d.critical[i] ? "critical" : d.warning[i] ? "warning" : null;
			if (mark)
				drawMark(g, mark, (i + 0.5) * wide, MARKS / 2 + 1, 4.5, v(`--${mark}`));
		});
		if (this.hover >= 0) {
			g.fillStyle = v("--dim");
			g.fillRect((this.hover + 0.5) * wide, 0, 1, floor);
		}
	}

	/**
	 * @param {(t: number) => number} x
	 * @param {number} since
	 * @param {number} until
	 * @param {number} floor
	 * @param {(name: string) => string} v
	 */
	#axis(x, since, until, floor, v) {
		const g = this.g;
		g.fillStyle = v("--line");
		g.fillRect(0, floor, this.box.clientWidth, 1);
		g.font = `11px ${v("--font")}`;
		g.textBaseline = "bottom";
		const { step, times } = ticks(since, until, Math.max(2, Math.floor(this.box.clientWidth / 90)));
		for (const t of times) {
			const iso = new Date(t).toISOString();
			g.fillStyle = v("--line");
			g.fillRect(Math.round(x(t)), floor, 1, 4);
			g.fillStyle = v("--dim");
			const label = step >= 86400000 || t % 86400000 === 0 ? iso.slice(5, 10) : iso.slice(11, 16);
			if (x(t) + 4 + g.measureText(label).width < this.box.clientWidth)
				g.fillText(label, Math.round(x(t)) + 3, HEIGHT);
		}
	}
}
