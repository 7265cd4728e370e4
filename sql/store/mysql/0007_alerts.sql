-- Alerts that fold over nodes, what people decide about them, and maintenance.

-- node_count: nodes it stands on now. told_*: what the last alert_log row said, so that growth is told in steps. until_ns: a
-- snooze's end. window_id: the maintenance that holds it back, 0 when a person snoozed it.
ALTER TABLE alerts ADD COLUMN node_count BIGINT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN told_nodes BIGINT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN told_ns BIGINT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN until_ns BIGINT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN window_id BIGINT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE alert_log ADD COLUMN node_count BIGINT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE alert_log ADD COLUMN told_nodes BIGINT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE alert_log ADD COLUMN told_ns BIGINT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE alert_log ADD COLUMN until_ns BIGINT UNSIGNED NOT NULL DEFAULT 0;
ALTER TABLE alert_log ADD COLUMN window_id BIGINT UNSIGNED NOT NULL DEFAULT 0;

-- The truth about where an alert stands: open_count doors (or 1 for a finding that is no door) on each node, 0 when they have
-- closed. alerts.nodes is this folded, a moment later. The rows of an alert are those since it last opened.
CREATE TABLE IF NOT EXISTS alert_nodes (
  alert_id BIGINT UNSIGNED NOT NULL,
  node_id BIGINT UNSIGNED NOT NULL,
  first_ns BIGINT UNSIGNED NOT NULL,
  last_ns BIGINT UNSIGNED NOT NULL,
  open_count BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (alert_id, node_id),
  KEY alert_nodes_node (node_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT IGNORE INTO alert_nodes (alert_id, node_id, first_ns, last_ns, open_count)
  SELECT a.id, d.node_id, min(d.opened_ns), max(d.opened_ns), sum(d.closed_ns = 0)
  FROM alerts a JOIN doors d ON d.alert_hash = a.alert_hash GROUP BY a.id, d.node_id;
UPDATE alerts SET node_count = (SELECT count(*) FROM alert_nodes n WHERE n.alert_id = alerts.id AND n.open_count > 0),
  told_ns = last_ns;
UPDATE alerts SET told_nodes = node_count;

-- Times at which doors are recorded and judged, and alerts held back. nodes is a folded node set, host_type a class; one of
-- the two is empty, or both: everything. ended_ns: ended before its time, by ended_by.
CREATE TABLE IF NOT EXISTS maintenances (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  nodes TEXT NOT NULL,
  host_type VARCHAR(255) NOT NULL,
  starts_ns BIGINT UNSIGNED NOT NULL,
  ends_ns BIGINT UNSIGNED NOT NULL,
  reason TEXT NOT NULL,
  author VARCHAR(255) NOT NULL,
  created_ns BIGINT UNSIGNED NOT NULL,
  ended_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  ended_by VARCHAR(255) NOT NULL DEFAULT '',
  KEY maintenances_ends (ends_ns)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Moves with each maintenance and exception, so that a monitor reads them anew.
INSERT IGNORE INTO settings (name, value) VALUES ('triage_revision', '0');

-- The views again, with what is new.
CREATE OR REPLACE VIEW v_open_doors AS
SELECT n.name AS node, n.host_type AS class,
  CASE d.proto WHEN 1 THEN 'tcp' WHEN 2 THEN 'mptcp' WHEN 3 THEN 'udp' WHEN 4 THEN 'udplite' WHEN 5 THEN 'sctp'
    WHEN 6 THEN 'raw' WHEN 7 THEN 'packet' WHEN 8 THEN 'vsock' END AS proto,
  d.addr, d.port,
  CASE d.family WHEN 10 THEN concat('[', d.addr, ']:', d.port) ELSE concat(d.addr, ':', d.port) END AS endpoint,
  CASE d.scope WHEN 1 THEN 'any' WHEN 2 THEN 'host' WHEN 3 THEN 'loopback' END AS scope,
  concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (d.opened_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(d.opened_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS opened_at,
  d.pid, d.comm, d.exe, d.argv, d.uid, d.user_name,
  CASE d.verdict WHEN 1 THEN 'learning' WHEN 2 THEN 'as profiled' WHEN 3 THEN 'unexpected' WHEN 4 THEN 'impostor'
    WHEN 5 THEN 'client'
    WHEN 6 THEN 'masquerade' WHEN 7 THEN 'hidden' WHEN 8 THEN 'blocked' WHEN 9 THEN 'missing' WHEN 10 THEN 'silent'
    WHEN 11 THEN 'outlier' END AS verdict,
  CASE d.severity WHEN 1 THEN 'notice' WHEN 2 THEN 'warning' WHEN 3 THEN 'critical' END AS severity,
  d.alert_key, d.boot_seq, d.open_seq, d.netns
FROM doors d JOIN nodes n ON n.id = d.node_id
WHERE d.closed_ns = 0;

CREATE OR REPLACE VIEW v_alerts AS
SELECT a.id,
  CASE a.kind WHEN 1 THEN 'unexpected' WHEN 2 THEN 'impostor' WHEN 3 THEN 'masquerade' WHEN 4 THEN 'hidden'
    WHEN 5 THEN 'blocked' WHEN 6 THEN 'missing' WHEN 7 THEN 'outlier' WHEN 8 THEN 'silent' WHEN 9 THEN 'lost'
    WHEN 10 THEN 'tampered' WHEN 11 THEN 'overdue' END AS kind,
  CASE a.severity WHEN 1 THEN 'notice' WHEN 2 THEN 'warning' WHEN 3 THEN 'critical' END AS severity,
  CASE a.state WHEN 1 THEN 'open' WHEN 2 THEN 'acknowledged' WHEN 3 THEN 'snoozed' WHEN 4 THEN 'allowed'
    WHEN 5 THEN 'resolved' END AS state,
  a.host_type AS class, a.nodes, a.open_count AS count,
  CASE a.proto WHEN 1 THEN 'tcp' WHEN 2 THEN 'mptcp' WHEN 3 THEN 'udp' WHEN 4 THEN 'udplite' WHEN 5 THEN 'sctp'
    WHEN 6 THEN 'raw' WHEN 7 THEN 'packet' WHEN 8 THEN 'vsock' END AS proto,
  a.port, a.summary, a.why, a.remedy,
  concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (a.first_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(a.first_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS first_at,
  concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (a.last_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(a.last_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS last_at,
  a.alert_key, a.node_count,
  CASE WHEN a.until_ns > 0 THEN concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (a.until_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(a.until_ns DIV 1000 % 1000000, 6, '0'), 'Z') END AS until_at
FROM alerts a;

CREATE OR REPLACE VIEW v_alert_nodes AS
SELECT x.alert_id, n.name AS node, n.host_type AS class, x.open_count AS open_doors, x.first_ns, x.last_ns
FROM alert_nodes x JOIN nodes n ON n.id = x.node_id;

-- How each sink is doing; its cursor is in sink_cursors. failures: in a row, 0 means that it works.
CREATE TABLE IF NOT EXISTS sink_states (
  name VARCHAR(255) NOT NULL PRIMARY KEY,
  sent_count BIGINT UNSIGNED NOT NULL DEFAULT 0,
  failed_count BIGINT UNSIGNED NOT NULL DEFAULT 0,
  skipped_count BIGINT UNSIGNED NOT NULL DEFAULT 0,
  given_up_count BIGINT UNSIGNED NOT NULL DEFAULT 0,
  failures BIGINT UNSIGNED NOT NULL DEFAULT 0,
  why TEXT NOT NULL,
  sent_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  failed_ns BIGINT UNSIGNED NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Changes a receiver refused: put aside so that later ones are not held up. next_ns 0: not tried any more.
CREATE TABLE IF NOT EXISTS sink_parked (
  sink VARCHAR(255) NOT NULL,
  log_id BIGINT UNSIGNED NOT NULL,
  alert_id BIGINT UNSIGNED NOT NULL,
  tries BIGINT UNSIGNED NOT NULL,
  first_ns BIGINT UNSIGNED NOT NULL,
  next_ns BIGINT UNSIGNED NOT NULL,
  why TEXT NOT NULL,
  PRIMARY KEY (sink, log_id),
  KEY sink_parked_next (sink, next_ns)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
