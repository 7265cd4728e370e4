-- The first schema, as SQLite's; see sql/README.md for what differs and why. Numbers of enums are those of user/core/event.h
-- and user/core/finding.h. Every statement may run twice: DDL ends a transaction here, and a killed migration goes on at its statement.

CREATE TABLE IF NOT EXISTS settings (
  name VARCHAR(255) NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT IGNORE INTO settings (name, value) VALUES ('profile_revision', '1');
INSERT IGNORE INTO settings (name, value) VALUES ('cluster_uuid', replace(uuid(), '-', ''));
-- Whoever writes alert_log holds this row's lock: its numbers are committed in their order, and a sink passes none over.
INSERT IGNORE INTO settings (name, value) VALUES ('alert_log_lock', '');

-- Node classes. accepted_ns 0: still learning, nothing alerts.
CREATE TABLE IF NOT EXISTS host_types (
  name VARCHAR(255) NOT NULL PRIMARY KEY,
  created_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  accepted_ns BIGINT UNSIGNED NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- reported_host_type is what the node last said of itself; host_type is what counts (a person may have set it).
CREATE TABLE IF NOT EXISTS nodes (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(255) NOT NULL,
  host_type VARCHAR(255) NOT NULL,
  reported_host_type VARCHAR(255) NOT NULL,
  first_seen_ns BIGINT UNSIGNED NOT NULL,
  last_seen_ns BIGINT UNSIGNED NOT NULL,
  event_count BIGINT UNSIGNED NOT NULL DEFAULT 0,
  lost_count BIGINT UNSIGNED NOT NULL DEFAULT 0,
  boot_seq INT UNSIGNED NOT NULL DEFAULT 0,
  seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
  tier TEXT,
  tier_boot_seq INT UNSIGNED NOT NULL DEFAULT 0,
  tier_seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
  UNIQUE KEY nodes_name (name),
  KEY nodes_host_type (host_type)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The profile: what a class of nodes may have open. The first four columns are a complete entry; '' and 0 mean "any".
-- row_hash stands for (host_type, port, port_end, protocol, service, scope, exe, user_name), which is too long for an index.
CREATE TABLE IF NOT EXISTS open_ports (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  port INT UNSIGNED NOT NULL DEFAULT 0,
  protocol VARCHAR(16) NOT NULL DEFAULT 'tcp' COLLATE utf8mb4_general_ci,
  service VARCHAR(255) NOT NULL DEFAULT '',
  host_type VARCHAR(255) NOT NULL,
  port_end INT UNSIGNED NOT NULL DEFAULT 0,
  scope VARCHAR(16) NOT NULL DEFAULT '' COLLATE utf8mb4_general_ci,
  exe VARCHAR(4096) NOT NULL DEFAULT '',
  user_name VARCHAR(255) NOT NULL DEFAULT '',
  origin VARCHAR(255) NOT NULL DEFAULT 'manual',
  reason TEXT,
  author VARCHAR(255) NOT NULL DEFAULT '',
  created_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  expires_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  row_hash BINARY(32) NOT NULL DEFAULT '',
  UNIQUE KEY open_ports_row (row_hash),
  KEY open_ports_host_type (host_type),
  CONSTRAINT open_ports_protocol CHECK (lower(protocol) IN ('tcp', 'mptcp', 'udp', 'udplite', 'sctp', 'raw', 'packet', 'vsock')),
  CONSTRAINT open_ports_class CHECK (host_type <> ''),
  CONSTRAINT open_ports_range CHECK (port_end = 0 OR port_end >= port),
  CONSTRAINT open_ports_scope CHECK (lower(scope) IN ('', 'any', 'host', 'loopback'))
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One statement a trigger. A row with origin 'manual' is a person's word: it makes the class known and ends its learning.
CREATE TRIGGER IF NOT EXISTS open_ports_new BEFORE INSERT ON open_ports FOR EACH ROW
  SET NEW.created_ns = if(NEW.created_ns = 0, unix_timestamp() * 1000000000, NEW.created_ns),
    NEW.row_hash = unhex(sha2(concat_ws('\n', hex(NEW.host_type), NEW.port, NEW.port_end, lower(NEW.protocol),
      hex(NEW.service), lower(NEW.scope), hex(NEW.exe), hex(NEW.user_name)), 256));
CREATE TRIGGER IF NOT EXISTS open_ports_changed BEFORE UPDATE ON open_ports FOR EACH ROW
  SET NEW.row_hash = unhex(sha2(concat_ws('\n', hex(NEW.host_type), NEW.port, NEW.port_end, lower(NEW.protocol),
    hex(NEW.service), lower(NEW.scope), hex(NEW.exe), hex(NEW.user_name)), 256));
CREATE TRIGGER IF NOT EXISTS open_ports_insert_class AFTER INSERT ON open_ports FOR EACH ROW
  INSERT INTO host_types (name, created_ns) VALUES (NEW.host_type, unix_timestamp() * 1000000000)
    ON DUPLICATE KEY UPDATE name = host_types.name;
CREATE TRIGGER IF NOT EXISTS open_ports_insert_accept AFTER INSERT ON open_ports FOR EACH ROW FOLLOWS open_ports_insert_class
  UPDATE host_types SET accepted_ns = unix_timestamp() * 1000000000
    WHERE name = NEW.host_type AND accepted_ns = 0 AND NEW.origin = 'manual';
CREATE TRIGGER IF NOT EXISTS open_ports_insert_revision AFTER INSERT ON open_ports FOR EACH ROW FOLLOWS open_ports_insert_accept
  UPDATE settings SET value = CAST(value AS UNSIGNED) + 1 WHERE name = 'profile_revision';
CREATE TRIGGER IF NOT EXISTS open_ports_update_class AFTER UPDATE ON open_ports FOR EACH ROW
  INSERT INTO host_types (name, created_ns) VALUES (NEW.host_type, unix_timestamp() * 1000000000)
    ON DUPLICATE KEY UPDATE name = host_types.name;
CREATE TRIGGER IF NOT EXISTS open_ports_update_revision AFTER UPDATE ON open_ports FOR EACH ROW FOLLOWS open_ports_update_class
  UPDATE settings SET value = CAST(value AS UNSIGNED) + 1 WHERE name = 'profile_revision';
CREATE TRIGGER IF NOT EXISTS open_ports_delete_revision AFTER DELETE ON open_ports FOR EACH ROW
  UPDATE settings SET value = CAST(value AS UNSIGNED) + 1 WHERE name = 'profile_revision';
CREATE TRIGGER IF NOT EXISTS host_types_revision AFTER UPDATE ON host_types FOR EACH ROW
  UPDATE settings SET value = CAST(value AS UNSIGNED) + 1
    WHERE name = if(NEW.accepted_ns <> OLD.accepted_ns, 'profile_revision', '');
CREATE TRIGGER IF NOT EXISTS nodes_revision AFTER UPDATE ON nodes FOR EACH ROW
  UPDATE settings SET value = CAST(value AS UNSIGNED) + 1
    WHERE name = if(NEW.host_type <> OLD.host_type, 'profile_revision', '');

-- Append-only, from the nodes' journals. kind 0: a record this version could not read, kept all the same.
-- day is that of happened_ns (days since 1970): a function of the record, so that retention never splits a key.
CREATE TABLE IF NOT EXISTS events (
  node_id BIGINT UNSIGNED NOT NULL,
  boot_seq INT UNSIGNED NOT NULL,
  seq BIGINT UNSIGNED NOT NULL,
  happened_ns BIGINT UNSIGNED NOT NULL,
  recorded_ns BIGINT UNSIGNED NOT NULL,
  received_ns BIGINT UNSIGNED NOT NULL,
  day INT UNSIGNED NOT NULL,
  kind SMALLINT UNSIGNED NOT NULL,
  origin SMALLINT UNSIGNED NOT NULL,
  proto SMALLINT UNSIGNED,
  family SMALLINT UNSIGNED,
  addr VARCHAR(255),
  port INT UNSIGNED,
  scope SMALLINT UNSIGNED,
  netns INT UNSIGNED,
  netns_cookie BIGINT UNSIGNED,
  cookie BIGINT UNSIGNED,
  pid INT UNSIGNED,
  comm VARCHAR(255),
  exe TEXT,
  uid INT UNSIGNED,
  user_name TEXT,
  argv TEXT,
  opened_ns BIGINT UNSIGNED,
  record_count BIGINT UNSIGNED,
  gap_from BIGINT UNSIGNED,
  gap_to BIGINT UNSIGNED,
  reason TEXT,
  record BLOB NOT NULL,
  chain BINARY(32) NOT NULL,
  PRIMARY KEY (node_id, boot_seq, seq),
  KEY events_happened (happened_ns),
  KEY events_node_happened (node_id, happened_ns)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The gap records' ranges apart: an index over all events for the few that have one would cost every insert.
CREATE TABLE IF NOT EXISTS event_gaps (
  node_id BIGINT UNSIGNED NOT NULL,
  boot_seq INT UNSIGNED NOT NULL,
  seq BIGINT UNSIGNED NOT NULL,
  gap_from BIGINT UNSIGNED NOT NULL,
  gap_to BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (node_id, boot_seq, seq),
  KEY event_gaps_to (node_id, boot_seq, gap_to)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One row a boot of a node, written only by that node's shipper and the monitor; who inserts events of the boot holds its lock.
-- base_seq: pruned up to here. head_seq: stored without a hole up to here. rows_stored, touched_ns (server's clock): what the bell looks at.
CREATE TABLE IF NOT EXISTS journals (
  node_id BIGINT UNSIGNED NOT NULL,
  boot_seq INT UNSIGNED NOT NULL,
  base_seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
  head_seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
  stored_seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
  judged_seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
  rows_stored BIGINT UNSIGNED NOT NULL DEFAULT 0,
  touched_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  is_pending TINYINT AS (stored_seq > judged_seq) STORED,
  PRIMARY KEY (node_id, boot_seq),
  KEY journals_pending (is_pending, node_id, boot_seq),
  KEY journals_touched (touched_ns)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- closed_ns 0: open. alert_hash: SHA-256 of alert_key, as in alerts.
CREATE TABLE IF NOT EXISTS doors (
  node_id BIGINT UNSIGNED NOT NULL,
  boot_seq INT UNSIGNED NOT NULL,
  netns_cookie BIGINT UNSIGNED NOT NULL,
  cookie BIGINT UNSIGNED NOT NULL,
  open_seq BIGINT UNSIGNED NOT NULL,
  opened_ns BIGINT UNSIGNED NOT NULL,
  close_seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
  closed_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  proto SMALLINT UNSIGNED NOT NULL,
  family SMALLINT UNSIGNED NOT NULL,
  addr VARCHAR(255) NOT NULL,
  addr_bytes BINARY(16) NOT NULL,
  port INT UNSIGNED NOT NULL,
  scope SMALLINT UNSIGNED NOT NULL,
  v6only TINYINT UNSIGNED NOT NULL,
  autoport TINYINT UNSIGNED NOT NULL,
  netns INT UNSIGNED NOT NULL,
  inode BIGINT UNSIGNED NOT NULL,
  pid INT UNSIGNED,
  comm VARCHAR(255),
  exe TEXT,
  uid INT UNSIGNED,
  user_name TEXT,
  argv TEXT,
  verdict SMALLINT UNSIGNED NOT NULL DEFAULT 0,
  severity SMALLINT UNSIGNED NOT NULL DEFAULT 0,
  alert_key TEXT,
  alert_hash BINARY(32),
  record BLOB,
  PRIMARY KEY (node_id, boot_seq, netns_cookie, cookie),
  KEY doors_closed (closed_ns, opened_ns),
  KEY doors_node (node_id, closed_ns),
  KEY doors_alert (alert_hash, closed_ns)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What nmap saw.
CREATE TABLE IF NOT EXISTS scans (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  plan VARCHAR(255) NOT NULL,
  kind VARCHAR(64) NOT NULL,
  state VARCHAR(16) NOT NULL,
  nodes TEXT,
  command TEXT,
  started_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  ended_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  reason TEXT,
  CONSTRAINT scans_state CHECK (state IN ('queued', 'running', 'done', 'failed'))
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS scan_ports (
  scan_id BIGINT UNSIGNED NOT NULL,
  node_id BIGINT UNSIGNED NOT NULL,
  proto SMALLINT UNSIGNED NOT NULL,
  port INT UNSIGNED NOT NULL,
  state VARCHAR(32) NOT NULL,
  service VARCHAR(255) NOT NULL DEFAULT '',
  method VARCHAR(64) NOT NULL DEFAULT '',
  product VARCHAR(255) NOT NULL DEFAULT '',
  version VARCHAR(255) NOT NULL DEFAULT '',
  fingerprint TEXT,
  seen_ns BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (scan_id, node_id, proto, port),
  KEY scan_ports_node (node_id, proto, port, seen_ns)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- At most one alert a key, ever: it re-opens. alert_hash is the SHA-256 of alert_key, which is too long for an index.
CREATE TABLE IF NOT EXISTS alerts (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  alert_hash BINARY(32) NOT NULL,
  alert_key TEXT NOT NULL,
  kind SMALLINT UNSIGNED NOT NULL,
  severity SMALLINT UNSIGNED NOT NULL,
  state SMALLINT UNSIGNED NOT NULL,
  host_type VARCHAR(255) NOT NULL,
  nodes TEXT NOT NULL,
  open_count BIGINT UNSIGNED NOT NULL,
  proto SMALLINT UNSIGNED NOT NULL,
  port INT UNSIGNED NOT NULL,
  summary TEXT NOT NULL,
  why TEXT NOT NULL,
  remedy TEXT NOT NULL,
  first_ns BIGINT UNSIGNED NOT NULL,
  last_ns BIGINT UNSIGNED NOT NULL,
  boot_seq INT UNSIGNED NOT NULL,
  seq BIGINT UNSIGNED NOT NULL,
  node VARCHAR(255) NOT NULL,
  record BLOB,
  UNIQUE KEY alerts_key (alert_hash),
  KEY alerts_last (last_ns)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Every change of an alert, with the alert as it stood then: what a sink delivers. Ids grow and are never reused.
CREATE TABLE IF NOT EXISTS alert_log (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  alert_id BIGINT UNSIGNED NOT NULL,
  at_ns BIGINT UNSIGNED NOT NULL,
  who VARCHAR(255) NOT NULL,
  note TEXT NOT NULL,
  alert_key TEXT NOT NULL,
  kind SMALLINT UNSIGNED NOT NULL,
  severity SMALLINT UNSIGNED NOT NULL,
  state SMALLINT UNSIGNED NOT NULL,
  host_type VARCHAR(255) NOT NULL,
  nodes TEXT NOT NULL,
  open_count BIGINT UNSIGNED NOT NULL,
  proto SMALLINT UNSIGNED NOT NULL,
  port INT UNSIGNED NOT NULL,
  summary TEXT NOT NULL,
  why TEXT NOT NULL,
  remedy TEXT NOT NULL,
  first_ns BIGINT UNSIGNED NOT NULL,
  last_ns BIGINT UNSIGNED NOT NULL,
  boot_seq INT UNSIGNED NOT NULL,
  seq BIGINT UNSIGNED NOT NULL,
  node VARCHAR(255) NOT NULL,
  record BLOB,
  KEY alert_log_alert (alert_id, at_ns),
  KEY alert_log_at (at_ns)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- How far each sink has got in alert_log.
CREATE TABLE IF NOT EXISTS sink_cursors (
  name VARCHAR(255) NOT NULL PRIMARY KEY,
  log_id BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Findings a person has decided to live with, by alert key; expires_ns 0: for good.
CREATE TABLE IF NOT EXISTS exceptions (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  alert_hash BINARY(32) NOT NULL,
  alert_key TEXT NOT NULL,
  reason TEXT NOT NULL,
  author VARCHAR(255) NOT NULL,
  created_ns BIGINT UNSIGNED NOT NULL,
  expires_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  KEY exceptions_key (alert_hash)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
