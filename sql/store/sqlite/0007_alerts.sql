-- Alerts that fold over nodes, what people decide about them, and maintenance.

-- node_count: nodes it stands on now. told_*: what the last alert_log row said, so that growth is told in steps. until_ns: a
-- snooze's end. window_id: the maintenance that holds it back, 0 when a person snoozed it.
ALTER TABLE alerts ADD COLUMN node_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN told_nodes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN told_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN until_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN window_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alert_log ADD COLUMN node_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alert_log ADD COLUMN told_nodes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alert_log ADD COLUMN told_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alert_log ADD COLUMN until_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alert_log ADD COLUMN window_id INTEGER NOT NULL DEFAULT 0;

-- The truth about where an alert stands: open_count doors (or 1 for a finding that is no door) on each node, 0 when they have
-- closed. alerts.nodes is this folded, a moment later. The rows of an alert are those since it last opened.
CREATE TABLE alert_nodes (
  alert_id INTEGER NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
  node_id INTEGER NOT NULL REFERENCES nodes (id),
  first_ns INTEGER NOT NULL,
  last_ns INTEGER NOT NULL,
  open_count INTEGER NOT NULL,
  PRIMARY KEY (alert_id, node_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_nodes_node ON alert_nodes (node_id);
INSERT INTO alert_nodes (alert_id, node_id, first_ns, last_ns, open_count)
  SELECT a.id, d.node_id, min(d.opened_ns), max(d.opened_ns), sum(d.closed_ns = 0)
  FROM alerts a JOIN doors d ON d.alert_key = a.alert_key GROUP BY a.id, d.node_id;
UPDATE alerts SET node_count = (SELECT count(*) FROM alert_nodes n WHERE n.alert_id = alerts.id AND n.open_count > 0),
  told_ns = last_ns;
UPDATE alerts SET told_nodes = node_count;

-- Times at which doors are recorded and judged, and alerts held back. nodes is a folded node set, host_type a class; one of
-- the two is empty, or both: everything. ended_ns: ended before its time, by ended_by.
CREATE TABLE maintenances (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  nodes TEXT NOT NULL,
  host_type TEXT NOT NULL,
  starts_ns INTEGER NOT NULL,
  ends_ns INTEGER NOT NULL,
  reason TEXT NOT NULL,
  author TEXT NOT NULL,
  created_ns INTEGER NOT NULL,
  ended_ns INTEGER NOT NULL DEFAULT 0,
  ended_by TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX maintenances_ends ON maintenances (ends_ns);

-- Moves with each maintenance and exception, so that a monitor reads them anew.
INSERT INTO settings (name, value) VALUES ('triage_revision', '0') ON CONFLICT DO NOTHING;

-- The views again, with what is new.
DROP VIEW v_open_doors;
CREATE VIEW v_open_doors AS
SELECT n.name AS node, n.host_type AS class,
  CASE d.proto WHEN 1 THEN 'tcp' WHEN 2 THEN 'mptcp' WHEN 3 THEN 'udp' WHEN 4 THEN 'udplite' WHEN 5 THEN 'sctp'
    WHEN 6 THEN 'raw' WHEN 7 THEN 'packet' WHEN 8 THEN 'vsock' END AS proto,
  d.addr, d.port,
  CASE d.family WHEN 10 THEN '[' || d.addr || ']:' || d.port ELSE d.addr || ':' || d.port END AS endpoint,
  CASE d.scope WHEN 1 THEN 'any' WHEN 2 THEN 'host' WHEN 3 THEN 'loopback' END AS scope,
  strftime('%Y-%m-%dT%H:%M:%S', d.opened_ns / 1000000000, 'unixepoch')
    || printf('.%06dZ', d.opened_ns / 1000 % 1000000) AS opened_at,
  d.pid, d.comm, d.exe, d.argv, d.uid, d.user_name,
  CASE d.verdict WHEN 1 THEN 'learning' WHEN 2 THEN 'as profiled' WHEN 3 THEN 'unexpected' WHEN 4 THEN 'impostor'
    WHEN 5 THEN 'client'
    WHEN 6 THEN 'masquerade' WHEN 7 THEN 'hidden' WHEN 8 THEN 'blocked' WHEN 9 THEN 'missing' WHEN 10 THEN 'silent'
    WHEN 11 THEN 'outlier' END AS verdict,
  CASE d.severity WHEN 1 THEN 'notice' WHEN 2 THEN 'warning' WHEN 3 THEN 'critical' END AS severity,
  d.alert_key, d.boot_seq, d.open_seq, d.netns
FROM doors d JOIN nodes n ON n.id = d.node_id
WHERE d.closed_ns = 0;

DROP VIEW v_alerts;
CREATE VIEW v_alerts AS
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
  strftime('%Y-%m-%dT%H:%M:%S', a.first_ns / 1000000000, 'unixepoch')
    || printf('.%06dZ', a.first_ns / 1000 % 1000000) AS first_at,
  strftime('%Y-%m-%dT%H:%M:%S', a.last_ns / 1000000000, 'unixepoch')
    || printf('.%06dZ', a.last_ns / 1000 % 1000000) AS last_at,
  a.alert_key, a.node_count,
  CASE WHEN a.until_ns > 0 THEN strftime('%Y-%m-%dT%H:%M:%S', a.until_ns / 1000000000, 'unixepoch')
    || printf('.%06dZ', a.until_ns / 1000 % 1000000) END AS until_at
FROM alerts a;

CREATE VIEW v_alert_nodes AS
SELECT x.alert_id, n.name AS node, n.host_type AS class, x.open_count AS open_doors, x.first_ns, x.last_ns
FROM alert_nodes x JOIN nodes n ON n.id = x.node_id;

-- How each sink is doing; its cursor is in sink_cursors. failures: in a row, 0 means that it works.
CREATE TABLE sink_states (
  name TEXT NOT NULL PRIMARY KEY,
  sent_count INTEGER NOT NULL DEFAULT 0,
  failed_count INTEGER NOT NULL DEFAULT 0,
  skipped_count INTEGER NOT NULL DEFAULT 0,
  given_up_count INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  why TEXT NOT NULL DEFAULT '',
  sent_ns INTEGER NOT NULL DEFAULT 0,
  failed_ns INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Changes a receiver refused: put aside so that later ones are not held up. next_ns 0: not tried any more.
CREATE TABLE sink_parked (
  sink TEXT NOT NULL,
  log_id INTEGER NOT NULL,
  alert_id INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  first_ns INTEGER NOT NULL,
  next_ns INTEGER NOT NULL,
  why TEXT NOT NULL,
  PRIMARY KEY (sink, log_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sink_parked_next ON sink_parked (sink, next_ns);
