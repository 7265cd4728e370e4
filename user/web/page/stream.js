// SPDX-License-Identifier: GPL-2.0
/*
 * The server's events. One stream a browser: the tab that holds the lock has it and tells the others, for a browser allows
 * six connections to a host. Where locks are not (plain HTTP on another host) each tab has its own.
 *
 * A connection can be dead without a reset: once the server has sent a heartbeat, silence counts as an end too.
 */

const SILENT_MS = 40000;
const AGAIN_MS = [1000, 2000, 5000, 10000, 30000];

/**
 * @typedef {{kind: "state", version: string, map: boolean, alerts: boolean} | {kind: "resync"} | {kind: "live"} | {kind: "lost", since: number}} StreamEvent
 */

/** @param {(e: StreamEvent) => void} tell */
export function follow(tell) {
	const channel = new BroadcastChannel("ajar-stream");
	let leads = false;
	/** @type {StreamEvent} */
	let standing = { kind: "lost", since: Date.now() };
	const say = (/** @type {StreamEvent} */ e) => {
		if (e.kind === "live" || e.kind === "lost")
			standing = e;
		tell(e);
		if (leads)
			channel.postMessage(e);
	};
	channel.onmessage = ({ data }) => {
		if (data?.kind === "hello") {
			if (leads)
				channel.postMessage(standing);
		} else if (!leads && data) {
			tell(data);
		}
	};
	const lead = () => {
		leads = true;
		connect(say);
		return new Promise(() => {});
	};
	if (navigator.locks) {
		navigator.locks.request("ajar-stream", lead).catch(() => lead());
		channel.postMessage({ kind: "hello" });
	} else {
		connect(tell);
	}
}

/** @param {(e: StreamEvent) => void} tell */
function connect(tell) {
	let tries = 0;
	let live = false;
	let beats = false;
	let heard = 0;
	/** @type {EventSource | null} */
	let source = null;

	const lost = () => {
		if (live)
			tell({ kind: "lost", since: heard });
		live = false;
	};
	const again = () => {
		source?.close();
		source = null;
		lost();
		setTimeout(open, AGAIN_MS[Math.min(tries++, AGAIN_MS.length - 1)]);
	};
	const hear = () => {
		heard = Date.now();
		tries = 0;
		if (!live)
			tell({ kind: "live" });
		live = true;
	};
	const open = () => {
		source = new EventSource("/api/v1/stream");
		source.onopen = hear;
		source.onerror = () => {
			// The browser tries again by itself, with Last-Event-ID, unless the answer was no stream.
			if (source?.readyState === EventSource.CLOSED)
				again();
			else
				lost();
		};
		source.addEventListener("beat", () => {
			beats = true;
			hear();
		});
		source.addEventListener("resync", () => {
			hear();
			tell({ kind: "resync" });
		});
		source.addEventListener("state", (e) => {
			hear();
			try {
				const { version, map, alerts } = JSON.parse(/** @type {MessageEvent} */ (e).data);
				tell({ kind: "state", version, map: map !== false, alerts: alerts !== false });
			} catch {
				tell({ kind: "resync" });
			}
		});
	};
	setInterval(() => {
		if (live && beats && Date.now() - heard > SILENT_MS)
			again();
	}, 5000);
	open();
}
