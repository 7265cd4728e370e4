// SPDX-License-Identifier: GPL-2.0
// What the API answers, as the page reads it: for the type checker alone, no part of the page.

export interface Me {
	login: string;
	role: "viewer" | "operator" | "approver";
	csrf: string;
	ajar: string;
	cluster: string | null;
	now: string;
	store: string;
	/** Does POST requests work for this login? Without it, actions are shown as commands. */
	requests?: boolean;
}

/** The columns of GET state: one row a node. */
export interface Columns {
	/** In an answer to since=: the row numbers. */
	i?: number[];
	name: string[];
	class: number[];
	rack: number[] | null;
	health: number[];
	worst: number[];
	alerts: number[];
	/** Unix seconds; 0: never. null: of then, nobody has kept it. */
	last: number[] | null;
	opened_hour: number[];
	scan: number[];
	/** null: of then, nobody has kept it. */
	agent: number[] | null;
	acked?: number[];
	differs?: number[];
}
export interface StateAnswer {
	version: string;
	now: string;
	/** Of the past: the time, and the oldest record that is kept. */
	at?: string;
	oldest?: string | null;
	classes: string[];
	versions: string[];
	groups: { rack?: string[] };
	nodes: Columns;
	health_words: string[];
	severity_words: string[];
	judged_behind_s: number | null;
}

export interface List<T> {
	items: T[];
	next: string | null;
	version: string;
	/** Of alerts and nodes: how many there are, with those of other pages. */
	total?: number;
}

export interface Process {
	pid: number | null;
	tid: number | null;
	start: string | null;
	comm: string | null;
	exe: string | null;
	argv: string[] | null;
	uid: number | null;
	user: string | null;
	gid: number | null;
	loginuid: number | null;
	session: number | null;
	ancestors: { pid: number; comm: string }[];
	exe_cut?: boolean;
	exe_foreign?: boolean;
	argv_cut?: boolean;
	processes?: number;
}
export interface Seen {
	id: number;
	kind: string;
	time: string;
	node: string;
	addr: string;
	state: string;
	service: string | null;
	reachable: number;
	asked: number;
}
/** A door as `ajar ls`, an event as `ajar timeline`. */
export interface DoorEvent {
	time: string;
	node: string;
	class: string | null;
	boot_seq: number | null;
	seq: number | null;
	event: string;
	origin: string | null;
	proto: string | null;
	family: string | null;
	addr: string | null;
	port: number | null;
	door: string | null;
	scope: string | null;
	opener: Process | null;
	holders: Process[];
	asked_by?: Process | null;
	netns: number | null;
	netns_name: string | null;
	device: string | null;
	cgroup: string | null;
	container: string | null;
	container_known?: boolean;
	job: string | null;
	job_known?: boolean;
	where: string | null;
	verdict: string | null;
	closer?: Process | null;
	opened?: string | null;
	duration_ms?: number | null;
	count?: number;
	reason?: string | null;
	scan?: Seen | null;
}
/** A change of an alert among the events of the timeline. */
export interface AlertChange extends Alert {
	time: string;
	node: string;
	event: "alert";
	who: string;
	note: string;
}
export interface Alert {
	id: number;
	kind: string;
	severity: string;
	state: string;
	nodes: string;
	count: number;
	class: string | null;
	proto: string | null;
	port: number | null;
	summary: string;
	why: string;
	remedy: string;
	first: string;
	last: string;
	node_count: number;
	until: string | null;
	door: DoorEvent | null;
	ports: string | null;
	port_count: number;
	scan: Seen | null;
}
/** The file of a program that opened or holds a door. */
export interface Executable {
	node: string;
	path: string;
	state: string;
	sha256: string | null;
	package: string | null;
	version: string | null;
	listed: string;
	replaced: boolean;
	sha256_was: string | null;
	was_until: string | null;
	file_changed: string | null;
	first: string | null;
	last: string | null;
}
export interface Story extends Alert {
	doors: DoorEvent[];
	more_doors: number;
	doors_then: DoorEvent[];
	executables: Executable[];
	where: { node: string; class: string | null; first: string; last: string; open: number }[];
	log: {
		id: number;
		time: string;
		state: string;
		severity: string;
		who: string;
		note: string;
		node_count: number;
	}[];
	scans: ScanChange[];
}
export interface ScanChange {
	time: string;
	node: string;
	event: "scan";
	scan: number;
	addr: string;
	proto: string;
	port: number;
	was: string | null;
	state: string;
	service_was: string | null;
	service: string | null;
}
export interface NodeHealth {
	issues: string[];
	last_report: string | null;
	host: string | null;
	version: string | null;
	agent: string | null;
	agent_age_ms: number | null;
	tier: string | null;
	attached: boolean;
	sensor: string | null;
	backlog_records: number;
	backlog_bytes: number;
	backlog_ms: number;
	journal_bytes: number;
	journal_max_bytes: number;
	quarantined: number;
	clock_skew_ms: number;
	clock_bound_ms: number;
	installation: string | null;
	other_installations: { installation: string; standing: string; host: string; last_report: string }[];
}
export interface Port {
	proto: string;
	port: number;
	profile: string | null;
	only: string | null;
	service: string | null;
	kernel: string;
	who: string | null;
	verdict: string | null;
	scan: Seen | null;
}
export interface NodeObject {
	node: string;
	class: string | null;
	rack: string | null;
	state: string;
	silent_since: string | null;
	last_event: string | null;
	first_heard: string | null;
	last_heard: string | null;
	boot_seq: number;
	seq: number;
	events: number;
	lost: number;
	doors: number;
	tier: string | null;
	steering: string[];
	health: NodeHealth | null;
	outside: {
		state: string;
		scan: number;
		plan: string | null;
		kind: string;
		time: string;
		addr: string;
		asked: string | null;
		open: number;
		last_seen: string | null;
	} | null;
	ports?: Port[];
	more_doors?: number;
	executables?: Executable[];
}
export interface Histogram {
	since: string;
	until: string;
	step_s: number;
	opened: number[];
	closed: number[];
	critical: number[];
	warning: number[];
}
export interface Words {
	words: { name: string; kind: string; values?: string[] }[];
}
export interface Profile {
	class: string;
	accepted: boolean;
	accepted_at: string | null;
	rows: number;
	nodes: number;
}
export interface Rule {
	id: number | null;
	action: string;
	port: number | null;
	port_end: number | null;
	protocol: string | null;
	service: string | null;
	host_type: string;
	scope: string | null;
	exe: string | null;
	package: string | null;
	sha256: string | null;
	argv: string | null;
	user: string | null;
	job: string | null;
	container: string | null;
	severity: string | null;
	origin: string | null;
	reason: string | null;
	author: string | null;
	created: string | null;
	expires: string | null;
	hits: number;
	last_match: string | null;
	flaw: string | null;
}
export interface Scan {
	scan: number;
	plan: string | null;
	kind: string;
	state: string;
	nodes: string;
	by: string | null;
	created: string | null;
	started: string | null;
	ended: string | null;
	hosts: number;
	hosts_seen: number;
	reason: string | null;
}
export interface Plan {
	plan: string;
	enabled: boolean;
	kind: string;
	ports: string;
	class: string;
	nodes: string;
	every_s: number;
	window: string;
	last_run: string | null;
}

/** What an action on alerts asks for: POST requests. */
export interface ActionRequest {
	action: "ack" | "snooze" | "reopen" | "allow" | "preview";
	alerts: number[];
	reason: string;
	until: string | null;
	ticket: string;
}

/** What an element may contain. */
export type Content = Node | string | number | null | undefined | false | Content[];
