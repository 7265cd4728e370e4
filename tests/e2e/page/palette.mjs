// SPDX-License-Identifier: GPL-2.0
// A picture of a page needs no 16 million colours: a PNG of Chromium's (8 bits, RGB or RGBA, not interlaced) with 256, the most used
// ones and those that would be missed most, each other one being the nearest of these; a third of the bytes.
import zlib from "node:zlib";

const COMMON = 128;
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** @param {Buffer} png */
function chunks(png) {
	const out = [];
	for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at))
		out.push({ type: png.toString("latin1", at + 4, at + 8), data: png.subarray(at + 8, at + 8 + png.readUInt32BE(at)) });
	return out;
}

/** Rows without their filters. @param {Buffer} raw @param {number} height @param {number} stride @param {number} size bytes of a pixel */
function unfilter(raw, height, stride, size) {
	const out = Buffer.alloc(height * stride);
	for (let y = 0; y < height; y++) {
		const filter = raw[y * (stride + 1)];
		for (let x = 0; x < stride; x++) {
			const i = y * stride + x;
			const a = x >= size ? out[i - size] : 0;
			const b = y ? out[i - stride] : 0;
			const c = x >= size && y ? out[i - stride - size] : 0;
			const p = a + b - c;
			const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
			const paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
			out[i] = raw[y * (stride + 1) + 1 + x] + [0, a, b, (a + b) >> 1, paeth][filter];
		}
	}
	return out;
}

/** zlib.crc32() of newer Nodes. @param {Buffer} data */
function crc32(data) {
	let crc = ~0;
	for (const byte of data) {
		crc ^= byte;
		for (let bit = 0; bit < 8; bit++)
			crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc >>> 0;
}

/** @param {string} type @param {Buffer} data */
function chunk(type, data) {
	const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
	const head = Buffer.alloc(4), tail = Buffer.alloc(4);
	head.writeUInt32BE(data.length);
	tail.writeUInt32BE(crc32(body));
	return Buffer.concat([head, body, tail]);
}

/** Whose number is largest. @param {Map<number, number>} of @param {(c: number) => boolean} among */
function most(of, among) {
	let best = -1;
	for (const [c, n] of of)
		if (among(c) && (best < 0 || n > of.get(best)))
			best = c;
	return best;
}

/** @param {Buffer} png */
export function withPalette(png) {
	const all = chunks(png);
	const head = Buffer.from(all[0].data);
	const [width, height, size] = [head.readUInt32BE(0), head.readUInt32BE(4), head[9] === 6 ? 4 : 3];
	const raw = zlib.inflateSync(Buffer.concat(all.filter((c) => c.type === "IDAT").map((c) => c.data)));
	const pixels = unfilter(raw, height, width * size, size);
	const colour = (i) => (pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2];
	const uses = new Map();
	for (let i = 0; i < pixels.length; i += size)
		uses.set(colour(i), (uses.get(colour(i)) ?? 0) + 1);
	const parts = (c) => [c >> 16, (c >> 8) & 255, c & 255];
	const far = (a, b) => parts(a).reduce((sum, v, i) => sum + (v - parts(b)[i]) ** 2, 0);
	const palette = [];
	const index = new Map(); // of each colour the nearest one's place
	const miss = new Map([...uses.keys()].map((c) => [c, Infinity])); // how far that is
	while (palette.length < 256 && miss.size) {
		const next = palette.length < COMMON ? most(uses, (c) => miss.has(c)) : most(miss, () => true);
		palette.push(next);
		for (const [c, old] of miss) {
			const now = far(c, next);
			if (now < old) {
				index.set(c, palette.length - 1);
				miss.set(c, now);
			}
			if (!now)
				miss.delete(c);
		}
	}
	const rows = Buffer.alloc(height * (width + 1));
	for (let i = 0; i < width * height; i++)
		rows[Math.floor(i / width) * (width + 1) + 1 + (i % width)] = index.get(colour(i * size));
	head[9] = 3;
	return Buffer.concat([SIGNATURE, chunk("IHDR", head), chunk("PLTE", Buffer.from(palette.flatMap(parts))), chunk("IDAT", zlib.deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}
