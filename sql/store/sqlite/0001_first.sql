-- The first schema. Numbers of enums are those of user/core/event.h and user/core/finding.h; the
-- views have their names. Text made from hostile bytes is escaped; record columns keep the bytes.

CREATE TABLE schema_migrations (
  number INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  applied_at TEXT NOT NULL
) STRICT;

CREATE TABLE settings (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO settings (name, value) VALUES ('profile_revision', '1');
INSERT INTO settings (name, value) VALUES ('cluster_uuid', lower(hex(randomblob(16))));

-- Node classes. accepted_ns 0: still learning, nothing alerts.
CREATE TABLE host_types (
  name TEXT NOT NULL PRIMARY KEY,
  created_ns INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER) * 1000000000),
  accepted_ns INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- reported_host_type is what the node last said of itself; host_type is what counts (a person may have set it).
CREATE TABLE nodes (
  id INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  host_type TEXT NOT NULL,
  reported_host_type TEXT NOT NULL,
  first_seen_ns INTEGER NOT NULL,
  last_seen_ns INTEGER NOT NULL,
  event_count INTEGER NOT NULL DEFAULT 0,
  lost_count INTEGER NOT NULL DEFAULT 0,
  boot_seq INTEGER NOT NULL DEFAULT 0,
  seq INTEGER NOT NULL DEFAULT 0,
  tier TEXT,
  tier_boot_seq INTEGER NOT NULL DEFAULT 0,
  tier_seq INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX nodes_host_type ON nodes (host_type);

-- The profile: what a class of nodes may have open. The first four columns are a complete entry; '' and 0 mean "any".
CREATE TABLE open_ports (
  id INTEGER NOT NULL PRIMARY KEY,
  port INTEGER NOT NULL DEFAULT 0 CHECK (port BETWEEN 0 AND 4294967295),
  protocol TEXT NOT NULL DEFAULT 'tcp' COLLATE NOCASE
    CHECK (lower(protocol) IN ('tcp', 'mptcp', 'udp', 'udplite', 'sctp', 'raw', 'packet', 'vsock')),
  service TEXT NOT NULL DEFAULT '',
  host_type TEXT NOT NULL CHECK (host_type <> ''),
  port_end INTEGER NOT NULL DEFAULT 0 CHECK (port_end = 0 OR port_end BETWEEN port AND 4294967295),
  scope TEXT NOT NULL DEFAULT '' COLLATE NOCASE CHECK (lower(scope) IN ('', 'any', 'host', 'loopback')),
  exe TEXT NOT NULL DEFAULT '',
  user_name TEXT NOT NULL DEFAULT '',
  origin TEXT NOT NULL DEFAULT 'manual',
  reason TEXT NOT NULL DEFAULT '',
  author TEXT NOT NULL DEFAULT '',
  created_ns INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER) * 1000000000),
  expires_ns INTEGER NOT NULL DEFAULT 0,
  UNIQUE (host_type, port, port_end, protocol, service, scope, exe, user_name)
) STRICT;

-- A row with origin 'manual' is a person's word: it makes the class known and ends its learning.
CREATE TRIGGER open_ports_insert AFTER INSERT ON open_ports BEGIN
  INSERT INTO host_types (name) VALUES (NEW.host_type) ON CONFLICT DO NOTHING;
  UPDATE host_types SET accepted_ns = CAST(strftime('%s', 'now') AS INTEGER) * 1000000000
    WHERE name = NEW.host_type AND accepted_ns = 0 AND NEW.origin = 'manual';
  UPDATE settings SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'profile_revision';
END;
CREATE TRIGGER open_ports_update AFTER UPDATE ON open_ports BEGIN
  INSERT INTO host_types (name) VALUES (NEW.host_type) ON CONFLICT DO NOTHING;
  UPDATE settings SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'profile_revision';
END;
CREATE TRIGGER open_ports_delete AFTER DELETE ON open_ports BEGIN
  UPDATE settings SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'profile_revision';
END;
CREATE TRIGGER host_types_update AFTER UPDATE OF accepted_ns ON host_types WHEN NEW.accepted_ns <> OLD.accepted_ns BEGIN
  UPDATE settings SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'profile_revision';
END;
CREATE TRIGGER nodes_host_type_update AFTER UPDATE OF host_type ON nodes WHEN NEW.host_type <> OLD.host_type BEGIN
  UPDATE settings SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE name = 'profile_revision';
END;

-- Append-only, from the nodes' journals. kind 0: a record this version could not read, kept all the same.
-- day is that of happened_ns (days since 1970): a function of the record, so that retention never splits a key.
CREATE TABLE events (
  node_id INTEGER NOT NULL,
  boot_seq INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  happened_ns INTEGER NOT NULL,
  recorded_ns INTEGER NOT NULL,
  received_ns INTEGER NOT NULL,
  day INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  proto INTEGER,
  family INTEGER,
  addr TEXT,
  port INTEGER,
  scope INTEGER,
  netns INTEGER,
  netns_cookie INTEGER,
  cookie INTEGER,
  pid INTEGER,
  comm TEXT,
  exe TEXT,
  uid INTEGER,
  user_name TEXT,
  argv TEXT,
  opened_ns INTEGER,
  record_count INTEGER,
  gap_from INTEGER,
  gap_to INTEGER,
  reason TEXT,
  record BLOB NOT NULL,
  chain BLOB NOT NULL CHECK (length(chain) = 32),
  PRIMARY KEY (node_id, boot_seq, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_happened ON events (happened_ns);
CREATE INDEX events_node_happened ON events (node_id, happened_ns);
CREATE INDEX events_gaps ON events (node_id, boot_seq, gap_to) WHERE kind = 5;

-- One row a boot of a node. base_seq: pruned up to here. head_seq: stored without a hole up to here.
CREATE TABLE journals (
  node_id INTEGER NOT NULL REFERENCES nodes (id),
  boot_seq INTEGER NOT NULL,
  base_seq INTEGER NOT NULL DEFAULT 0,
  head_seq INTEGER NOT NULL DEFAULT 0,
  stored_seq INTEGER NOT NULL DEFAULT 0,
  judged_seq INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (node_id, boot_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX journals_pending ON journals (node_id, boot_seq) WHERE stored_seq > judged_seq;

-- closed_ns 0: open.
CREATE TABLE doors (
  node_id INTEGER NOT NULL REFERENCES nodes (id),
  boot_seq INTEGER NOT NULL,
  netns_cookie INTEGER NOT NULL,
  cookie INTEGER NOT NULL,
  open_seq INTEGER NOT NULL,
  opened_ns INTEGER NOT NULL,
  close_seq INTEGER NOT NULL DEFAULT 0,
  closed_ns INTEGER NOT NULL DEFAULT 0,
  proto INTEGER NOT NULL,
  family INTEGER NOT NULL,
  addr TEXT NOT NULL,
  addr_bytes BLOB NOT NULL CHECK (length(addr_bytes) = 16),
  port INTEGER NOT NULL,
  scope INTEGER NOT NULL,
  v6only INTEGER NOT NULL,
  autoport INTEGER NOT NULL,
  netns INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  pid INTEGER,
  comm TEXT,
  exe TEXT,
  uid INTEGER,
  user_name TEXT,
  argv TEXT,
  verdict INTEGER NOT NULL DEFAULT 0,
  severity INTEGER NOT NULL DEFAULT 0,
  alert_key TEXT,
  record BLOB,
  PRIMARY KEY (node_id, boot_seq, netns_cookie, cookie)
) STRICT;
CREATE INDEX doors_closed ON doors (closed_ns, opened_ns);
CREATE INDEX doors_open ON doors (node_id) WHERE closed_ns = 0;
CREATE INDEX doors_alert ON doors (alert_key, closed_ns) WHERE alert_key IS NOT NULL;

-- What nmap saw.
CREATE TABLE scans (
  id INTEGER NOT NULL PRIMARY KEY,
  plan TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
  nodes TEXT NOT NULL DEFAULT '',
  command TEXT NOT NULL DEFAULT '',
  started_ns INTEGER NOT NULL DEFAULT 0,
  ended_ns INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE scan_ports (
  scan_id INTEGER NOT NULL REFERENCES scans (id),
  node_id INTEGER NOT NULL REFERENCES nodes (id),
  proto INTEGER NOT NULL,
  port INTEGER NOT NULL,
  state TEXT NOT NULL,
  service TEXT NOT NULL DEFAULT '',
  method TEXT NOT NULL DEFAULT '',
  product TEXT NOT NULL DEFAULT '',
  version TEXT NOT NULL DEFAULT '',
  fingerprint TEXT NOT NULL DEFAULT '',
  seen_ns INTEGER NOT NULL,
  PRIMARY KEY (scan_id, node_id, proto, port)
) STRICT, WITHOUT ROWID;
CREATE INDEX scan_ports_node ON scan_ports (node_id, proto, port, seen_ns);

-- At most one alert a key, ever: it re-opens.
CREATE TABLE alerts (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  alert_key TEXT NOT NULL UNIQUE,
  kind INTEGER NOT NULL,
  severity INTEGER NOT NULL,
  state INTEGER NOT NULL,
  host_type TEXT NOT NULL,
  nodes TEXT NOT NULL,
  open_count INTEGER NOT NULL,
  proto INTEGER NOT NULL,
  port INTEGER NOT NULL,
  summary TEXT NOT NULL,
  why TEXT NOT NULL,
  remedy TEXT NOT NULL,
  first_ns INTEGER NOT NULL,
  last_ns INTEGER NOT NULL,
  boot_seq INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  node TEXT NOT NULL,
  record BLOB
) STRICT;
CREATE INDEX alerts_last ON alerts (last_ns);

-- Every change of an alert, with the alert as it stood then: what a sink delivers. Ids grow and are never reused.
CREATE TABLE alert_log (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  alert_id INTEGER NOT NULL REFERENCES alerts (id),
  at_ns INTEGER NOT NULL,
  who TEXT NOT NULL,
  note TEXT NOT NULL,
  alert_key TEXT NOT NULL,
  kind INTEGER NOT NULL,
  severity INTEGER NOT NULL,
  state INTEGER NOT NULL,
  host_type TEXT NOT NULL,
  nodes TEXT NOT NULL,
  open_count INTEGER NOT NULL,
  proto INTEGER NOT NULL,
  port INTEGER NOT NULL,
  summary TEXT NOT NULL,
  why TEXT NOT NULL,
  remedy TEXT NOT NULL,
  first_ns INTEGER NOT NULL,
  last_ns INTEGER NOT NULL,
  boot_seq INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  node TEXT NOT NULL,
  record BLOB
) STRICT;
CREATE INDEX alert_log_alert ON alert_log (alert_id, at_ns);
CREATE INDEX alert_log_at ON alert_log (at_ns);

-- How far each sink has got in alert_log.
CREATE TABLE sink_cursors (
  name TEXT NOT NULL PRIMARY KEY,
  log_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Findings a person has decided to live with, by alert key; expires_ns 0: for good.
CREATE TABLE exceptions (
  id INTEGER NOT NULL PRIMARY KEY,
  alert_key TEXT NOT NULL,
  reason TEXT NOT NULL,
  author TEXT NOT NULL,
  created_ns INTEGER NOT NULL,
  expires_ns INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX exceptions_key ON exceptions (alert_key);
