// SPDX-License-Identifier: GPL-2.0
/*
 * Where each node's cell stands. Groups are blocks with a head, put on shelves from left to right; the cell is the largest
 * with which all of them fit, between CELL_MIN and CELL_MAX. Pure.
 */

/**
 * @typedef {{name: string, rows: number[], x: number, y: number, cols: number, width: number, height: number}} Block
 * @typedef {{cell: number, width: number, height: number, blocks: Block[], x: Float32Array, y: Float32Array, order: number[]}} Layout
 */

export const CELL_MIN = 5;
export const CELL_MAX = 40;
export const HEAD = 18; // px above the cells of a block
const GAP = 12; // px between blocks, both ways
const HEAD_WIDTH = 110; // px: narrower blocks would lose their name
const MANY_BLOCKS = 12; // from there on blocks are near squares with short heads, else rows
const HEAD_SHORT = 76;

/**
 * @param {{name: string, rows: number[]}[]} groups
 * @param {number} width
 * @param {number} cell
 */
function shelves(groups, width, cell) {
	const most = Math.max(1, Math.floor(width / cell));
	/** @type {Block[]} */
	const blocks = [];
	let [x, y, shelf] = [0, 0, 0];
	for (const g of groups) {
		const wish = groups.length >= MANY_BLOCKS ? Math.ceil(Math.sqrt(g.rows.length * 2.5)) : g.rows.length;
		const cols = Math.max(1, Math.min(wish, most));
		const wide = Math.min(width, Math.max(cols * cell, !g.name ? 0 : groups.length >= MANY_BLOCKS ? HEAD_SHORT : HEAD_WIDTH));
		const high = (g.name ? HEAD : 0) + Math.ceil(g.rows.length / cols) * cell;
		if (x > 0 && x + wide > width) {
			x = 0;
			y += shelf + GAP;
			shelf = 0;
		}
		blocks.push({ name: g.name, rows: g.rows, x, y, cols, width: wide, height: high });
		x += wide + GAP;
		shelf = Math.max(shelf, high);
	}
	return { blocks, height: y + shelf };
}

/**
 * @param {{name: string, rows: number[]}[]} groups
 * @param {number} width px
 * @param {number} height px that are there; the map is higher when the smallest cell does not fit
 * @returns {Layout}
 */
export function layout(groups, width, height) {
	let cell = CELL_MAX;
	let made = shelves(groups, width, cell);
	while (made.height > height && cell > CELL_MIN) {
		cell--;
		made = shelves(groups, width, cell);
	}
	const n = groups.reduce((sum, g) => sum + g.rows.length, 0);
	const [x, y] = [new Float32Array(n), new Float32Array(n)];
	const order = [];
	for (const b of made.blocks) {
		const top = b.y + (b.name ? HEAD : 0);
		for (let k = 0; k < b.rows.length; k++) {
			x[b.rows[k]] = b.x + (k % b.cols) * cell;
			y[b.rows[k]] = top + Math.floor(k / b.cols) * cell;
			order.push(b.rows[k]);
		}
	}
	return { cell, width, height: made.height, blocks: made.blocks, x, y, order };
}

/**
 * The node at a place, or -1.
 * @param {Layout} l
 * @param {number} px
 * @param {number} py
 */
export function hit(l, px, py) {
	for (const b of l.blocks) {
		const [cx, cy] = [px - b.x, py - b.y - (b.name ? HEAD : 0)];
		if (cx < 0 || cy < 0 || cx >= b.cols * l.cell)
			continue;
		const k = Math.floor(cy / l.cell) * b.cols + Math.floor(cx / l.cell);
		if (k < b.rows.length && py < b.y + b.height)
			return b.rows[k];
	}
	return -1;
}

/**
 * Where an arrow leads: within the block by its grid, over its edge to the nearest cell of the next block that way.
 * @param {Layout} l
 * @param {number} row from, or -1
 * @param {"ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown" | "Home" | "End"} key
 */
export function neighbour(l, row, key) {
	if (!l.order.length)
		return -1;
	if (row < 0 || key === "Home")
		return l.order[0];
	if (key === "End")
		return l.order[l.order.length - 1];
	const at = l.order.indexOf(row);
	if (key === "ArrowLeft" || key === "ArrowRight")
		return l.order[Math.min(l.order.length - 1, Math.max(0, at + (key === "ArrowLeft" ? -1 : 1)))];
	const down = key === "ArrowDown";
	let best = -1;
	let least = Infinity;
	for (const other of l.order) {
		const dy = (l.y[other] - l.y[row]) * (down ? 1 : -1);
		if (dy <= 0)
			continue;
		const far = dy * 4 + Math.abs(l.x[other] - l.x[row]);
		if (far < least) {
			least = far;
			best = other;
		}
	}
	return best < 0 ? row : best;
}
