-- Scans: plans as data, the queue of shards with their leases, and what each host showed.

-- kind: connect, syn, udp, identity, version, verify. ports: "top", "all", "profile", "doors", "known" (both), "open", or a list. every_ns 0: by hand
-- only. window_utc: "22:00-06:00", '' always. rate, host_rate: probes a second in all and of one host. load_max: hundredths of the load
-- average of a core above which nothing new begins, 0: no limit. claimed_ns: when a monitor last took it up, on the store's clock.
CREATE TABLE scan_plans (
  name TEXT NOT NULL PRIMARY KEY,
  enabled INTEGER NOT NULL DEFAULT 1,
  kind TEXT NOT NULL CHECK (kind IN ('connect', 'syn', 'udp', 'identity', 'version', 'verify')),
  ports TEXT NOT NULL,
  classes TEXT NOT NULL DEFAULT '',
  nodes TEXT NOT NULL DEFAULT '',
  sort_order TEXT NOT NULL DEFAULT 'oldest' CHECK (sort_order IN ('oldest', 'name', 'random')),
  idle_only INTEGER NOT NULL DEFAULT 1,
  idle_wait_ns INTEGER NOT NULL DEFAULT 0,
  every_ns INTEGER NOT NULL DEFAULT 0,
  window_utc TEXT NOT NULL DEFAULT '',
  rate INTEGER NOT NULL DEFAULT 60000,
  host_rate INTEGER NOT NULL DEFAULT 10000,
  load_max INTEGER NOT NULL DEFAULT 0,
  author TEXT NOT NULL DEFAULT '',
  created_ns INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER) * 1000000000),
  claimed_ns INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO scan_plans (name, kind, ports, every_ns, idle_wait_ns, load_max) VALUES
  ('rapid', 'connect', 'all', 21600000000000, 86400000000000, 100),
  ('version', 'version', 'profile', 86400000000000, 259200000000000, 100),
  ('verify', 'verify', 'known', 900000000000, 3600000000000, 0);

-- Where a node is scanned, besides what its name resolves to. origin: manual, or resolved (kept for what a name gave last).
CREATE TABLE node_addrs (
  node_id INTEGER NOT NULL REFERENCES nodes (id),
  addr TEXT NOT NULL,
  origin TEXT NOT NULL,
  added_ns INTEGER NOT NULL,
  PRIMARY KEY (node_id, addr)
) STRICT, WITHOUT ROWID;

ALTER TABLE scans ADD COLUMN created_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE scans ADD COLUMN ports TEXT NOT NULL DEFAULT '';
ALTER TABLE scans ADD COLUMN rate INTEGER NOT NULL DEFAULT 0;
ALTER TABLE scans ADD COLUMN host_rate INTEGER NOT NULL DEFAULT 0;
ALTER TABLE scans ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
CREATE INDEX scans_state ON scans (state, priority, id);
CREATE INDEX scans_ended ON scans (ended_ns);

-- The queue: at most 32 hosts a shard. Who holds one has it until lease_ns on the store's clock; then it is anybody's again.
CREATE TABLE scan_shards (
  scan_id INTEGER NOT NULL REFERENCES scans (id),
  shard INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
  ports TEXT NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  owner TEXT NOT NULL DEFAULT '',
  lease_ns INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (scan_id, shard)
) STRICT, WITHOUT ROWID;
CREATE INDEX scan_shards_state ON scan_shards (state, lease_ns);

-- A host of a scan. state: queued, or how it ended: seen, timed-out, cut (too much to keep), flooded (open on everything), lost (no
-- answer about it in a run that ended well). Only 'seen' is evidence of absence. asked: "tcp 1-65535". folded: the ports in states with
-- many, "tcp closed 1-21,23-79; tcp filtered 80".
CREATE TABLE scan_hosts (
  scan_id INTEGER NOT NULL REFERENCES scans (id),
  node_id INTEGER NOT NULL REFERENCES nodes (id),
  addr TEXT NOT NULL,
  shard INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'queued',
  started_ns INTEGER NOT NULL DEFAULT 0,
  ended_ns INTEGER NOT NULL DEFAULT 0,
  asked TEXT NOT NULL DEFAULT '',
  folded TEXT NOT NULL DEFAULT '',
  open_count INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (scan_id, node_id, addr)
) STRICT, WITHOUT ROWID;
CREATE INDEX scan_hosts_shard ON scan_hosts (scan_id, shard);
CREATE INDEX scan_hosts_node ON scan_hosts (node_id, ended_ns);
CREATE INDEX scan_hosts_ended ON scan_hosts (ended_ns);

-- Ports by address too, and with what a comparison needs. (Nothing was in the table of 0001.)
DROP TABLE scan_ports;
CREATE TABLE scan_ports (
  scan_id INTEGER NOT NULL REFERENCES scans (id),
  node_id INTEGER NOT NULL REFERENCES nodes (id),
  addr TEXT NOT NULL DEFAULT '',
  proto INTEGER NOT NULL,
  port INTEGER NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  reason_ttl INTEGER NOT NULL DEFAULT 0,
  service TEXT NOT NULL DEFAULT '',
  method TEXT NOT NULL DEFAULT '',
  conf INTEGER NOT NULL DEFAULT 0,
  product TEXT NOT NULL DEFAULT '',
  version TEXT NOT NULL DEFAULT '',
  extra TEXT NOT NULL DEFAULT '',
  tunnel TEXT NOT NULL DEFAULT '',
  fingerprint TEXT NOT NULL DEFAULT '',
  seen_ns INTEGER NOT NULL,
  PRIMARY KEY (scan_id, node_id, addr, proto, port)
) STRICT, WITHOUT ROWID;
CREATE INDEX scan_ports_node ON scan_ports (node_id, proto, port, seen_ns);
INSERT INTO settings (name, value) VALUES ('scan_lock', '0');
