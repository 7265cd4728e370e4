// SPDX-License-Identifier: GPL-2.0
/*
 * What the server says is new, and what is therefore to be asked for: one question at a time, and again what could not be read.
 * News of alerts comes before the map that has them; the map's follows, as an event of its own. Pure.
 */

/**
 * What has changed, at which version; "" is any. whole: not only the map's rows that are other.
 * @typedef {{version: string, map: boolean, alerts: boolean, whole?: boolean}} News
 */
/** @type {News} */
export const ANYTHING = { version: "", map: true, alerts: true };

/** @param {News} a @param {News | null} b the later one, if there is one @returns {News} */
function both(a, b) {
	return b ? { version: a.version && b.version, map: a.map || b.map, alerts: a.alerts || b.alerts, whole: a.whole || b.whole } : a;
}

/**
 * @param {(map: boolean, alerts: boolean, whole: boolean) => Promise<boolean>} ask false: it could not be read
 * @param {() => {map: string, alerts: string}} known the versions that they are of, or newer
 */
export function newsTaker(ask, known) {
	let asking = false;
	/** @type {News | null} what was named while something was asked for, or could not be read */
	let left = null;

	/** @param {News} news */
	const take = async (news) => {
		if (asking) {
			left = left ? both(left, news) : news;
			return;
		}
		const now = left ? both(left, news) : news;
		left = null;
		const is = known();
		const whole = !!now.whole;
		const map = whole || (now.map && !(now.version && now.version === is.map));
		const alerts = whole || (now.alerts && !(now.version && now.version === is.alerts));
		if (!map && !alerts)
			return;
		asking = true;
		const read = await ask(map, alerts, whole).finally(() => (asking = false));
		if (!read)
			left = both({ ...now, version: "" }, left); // nobody tells it again: with the next news, or again()
		else if (left)
			await take(left);
	};
	return { take, again: () => (left && !asking ? take(left) : Promise.resolve()) };
}
