-- Scans: plans as data, the queue of shards with their leases, and what each host showed.

-- kind: connect, syn, udp, identity, version, verify. ports: "top", "all", "profile", "doors", "known" (both), "open", or a list. every_ns 0: by hand
-- only. window_utc: "22:00-06:00", '' always. rate, host_rate: probes a second in all and of one host. load_max: hundredths of the load
-- average of a core above which nothing new begins, 0: no limit. claimed_ns: when a monitor last took it up, on the store's clock.
CREATE TABLE IF NOT EXISTS scan_plans (
  name VARCHAR(255) NOT NULL PRIMARY KEY,
  enabled TINYINT UNSIGNED NOT NULL DEFAULT 1,
  kind VARCHAR(16) NOT NULL CHECK (kind IN ('connect', 'syn', 'udp', 'identity', 'version', 'verify')),
  ports MEDIUMTEXT,
  classes TEXT,
  nodes TEXT,
  sort_order VARCHAR(16) NOT NULL DEFAULT 'oldest' CHECK (sort_order IN ('oldest', 'name', 'random')),
  idle_only TINYINT UNSIGNED NOT NULL DEFAULT 1,
  idle_wait_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  every_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  window_utc VARCHAR(32) NOT NULL DEFAULT '',
  rate INT UNSIGNED NOT NULL DEFAULT 60000,
  host_rate INT UNSIGNED NOT NULL DEFAULT 10000,
  load_max INT UNSIGNED NOT NULL DEFAULT 0,
  author VARCHAR(255) NOT NULL DEFAULT '',
  created_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  claimed_ns BIGINT UNSIGNED NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT IGNORE INTO scan_plans (name, kind, ports, every_ns, idle_wait_ns, load_max) VALUES
  ('rapid', 'connect', 'all', 21600000000000, 86400000000000, 100),
  ('version', 'version', 'profile', 86400000000000, 259200000000000, 100),
  ('verify', 'verify', 'known', 900000000000, 3600000000000, 0);

-- Where a node is scanned, besides what its name resolves to. origin: manual, or resolved (kept for what a name gave last).
CREATE TABLE IF NOT EXISTS node_addrs (
  node_id BIGINT UNSIGNED NOT NULL,
  addr VARCHAR(64) NOT NULL,
  origin VARCHAR(32) NOT NULL,
  added_ns BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (node_id, addr)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

ALTER TABLE scans ADD COLUMN created_ns BIGINT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE scans ADD COLUMN ports MEDIUMTEXT;
ALTER TABLE scans ADD COLUMN rate INT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE scans ADD COLUMN host_rate INT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE scans ADD COLUMN priority INT UNSIGNED NOT NULL DEFAULT 0;
CREATE INDEX scans_state ON scans (state, priority, id);
CREATE INDEX scans_ended ON scans (ended_ns);

-- The queue: at most 32 hosts a shard. Who holds one has it until lease_ns on the store's clock; then it is anybody's again.
CREATE TABLE IF NOT EXISTS scan_shards (
  scan_id BIGINT UNSIGNED NOT NULL,
  shard INT UNSIGNED NOT NULL,
  state VARCHAR(32) NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
  ports MEDIUMTEXT,
  tries INT UNSIGNED NOT NULL DEFAULT 0,
  owner VARCHAR(255) NOT NULL DEFAULT '',
  lease_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  reason TEXT,
  PRIMARY KEY (scan_id, shard)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX scan_shards_state ON scan_shards (state, lease_ns);

-- A host of a scan. state: queued, or how it ended: seen, timed-out, cut (too much to keep), flooded (open on everything), lost (no
-- answer about it in a run that ended well). Only 'seen' is evidence of absence. asked: "tcp 1-65535". folded: the ports in states with
-- many, "tcp closed 1-21,23-79; tcp filtered 80".
CREATE TABLE IF NOT EXISTS scan_hosts (
  scan_id BIGINT UNSIGNED NOT NULL,
  node_id BIGINT UNSIGNED NOT NULL,
  addr VARCHAR(64) NOT NULL,
  shard INT UNSIGNED NOT NULL,
  state VARCHAR(32) NOT NULL DEFAULT 'queued',
  started_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  ended_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  asked MEDIUMTEXT,
  folded MEDIUMTEXT,
  open_count INT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (scan_id, node_id, addr)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX scan_hosts_shard ON scan_hosts (scan_id, shard);
CREATE INDEX scan_hosts_node ON scan_hosts (node_id, ended_ns);
CREATE INDEX scan_hosts_ended ON scan_hosts (ended_ns);

-- Ports by address too, and with what a comparison needs.
ALTER TABLE scan_ports ADD COLUMN addr VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE scan_ports ADD COLUMN reason VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE scan_ports ADD COLUMN reason_ttl INT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE scan_ports ADD COLUMN conf INT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE scan_ports ADD COLUMN extra VARCHAR(255) NOT NULL DEFAULT '';
ALTER TABLE scan_ports ADD COLUMN tunnel VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE scan_ports DROP PRIMARY KEY, ADD PRIMARY KEY (scan_id, node_id, addr, proto, port);
INSERT IGNORE INTO settings (name, value) VALUES ('scan_lock', '0');
