-- How the nodes are: see user/store/health.h. Times are this machine's clock unless they say otherwise.

-- One row an installation (a journal's identity) of a node, written only by that node's shipper. standing: 1 current, 2 refused,
-- 3 past. accepted_ns 0: it took the place of another one and no person has said that this is right.
-- session is that of the report before; when the one before that comes back, two machines report in turn: mixed_ns.
CREATE TABLE node_health (
  node_id INTEGER NOT NULL,
  installation BLOB NOT NULL,
  standing INTEGER NOT NULL,
  accepted_ns INTEGER NOT NULL,
  first_ns INTEGER NOT NULL,
  received_ns INTEGER NOT NULL,
  session BLOB NOT NULL,
  session_before BLOB NOT NULL,
  host_before TEXT NOT NULL DEFAULT '',
  mixed_ns INTEGER NOT NULL DEFAULT 0,
  machine BLOB NOT NULL,
  host TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  version TEXT NOT NULL,
  shipper INTEGER NOT NULL,
  agent INTEGER NOT NULL,
  agent_age_ns INTEGER NOT NULL,
  tier TEXT NOT NULL,
  attached INTEGER NOT NULL,
  sensor TEXT NOT NULL,
  boot_seq INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  chain BLOB NOT NULL,
  journal_bytes INTEGER NOT NULL,
  journal_max_bytes INTEGER NOT NULL,
  backlog_records INTEGER NOT NULL,
  backlog_bytes INTEGER NOT NULL,
  backlog_ns INTEGER NOT NULL,
  lost INTEGER NOT NULL,
  conflicts INTEGER NOT NULL,
  quarantined INTEGER NOT NULL,
  interval_ns INTEGER NOT NULL,
  wall_ns INTEGER NOT NULL,
  rtt_ns INTEGER NOT NULL,
  step_ns INTEGER NOT NULL,
  stepped_ns INTEGER NOT NULL,
  PRIMARY KEY (node_id, installation)
) STRICT, WITHOUT ROWID;

-- Which boot of which journal a boot_seq of the store is; a boot without a row has its journal's number.
CREATE TABLE node_boots (
  node_id INTEGER NOT NULL,
  boot_seq INTEGER NOT NULL,
  installation BLOB NOT NULL,
  boot_id TEXT NOT NULL,
  journal_boot INTEGER NOT NULL,
  PRIMARY KEY (node_id, boot_seq),
  UNIQUE (node_id, installation, journal_boot, boot_id)
) STRICT, WITHOUT ROWID;

-- The monitor's notes: what it has told of losses, since when a record is missing, where a chain does not go on.
CREATE TABLE node_watch (
  node_id INTEGER NOT NULL PRIMARY KEY,
  lost_told INTEGER NOT NULL DEFAULT 0,
  lost_seen INTEGER NOT NULL DEFAULT 0,
  lost_first_ns INTEGER NOT NULL DEFAULT 0,
  lost_last_ns INTEGER NOT NULL DEFAULT 0,
  hole_boot INTEGER NOT NULL DEFAULT 0,
  hole_seq INTEGER NOT NULL DEFAULT 0,
  hole_since_ns INTEGER NOT NULL DEFAULT 0,
  broken_boot INTEGER NOT NULL DEFAULT 0,
  broken_seq INTEGER NOT NULL DEFAULT 0,
  broken_ns INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- When what one of several monitors does was last done. Not in settings: that would ring their bell.
CREATE TABLE turns (
  name TEXT NOT NULL PRIMARY KEY,
  at_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- health: what the node last said, not whether that was lately; age_s says how long ago. Nothing reported is never "recording".
DROP VIEW v_nodes;
CREATE VIEW v_nodes AS
SELECT n.name AS node, n.host_type AS class, n.tier,
  strftime('%Y-%m-%dT%H:%M:%S', n.first_seen_ns / 1000000000, 'unixepoch')
    || printf('.%06dZ', n.first_seen_ns / 1000 % 1000000) AS first_seen_at,
  strftime('%Y-%m-%dT%H:%M:%S', n.last_seen_ns / 1000000000, 'unixepoch')
    || printf('.%06dZ', n.last_seen_ns / 1000 % 1000000) AS last_seen_at,
  n.event_count AS events, n.lost_count AS lost, n.boot_seq, n.seq,
  (SELECT count(*) FROM doors d WHERE d.node_id = n.id AND d.closed_ns = 0) AS open_doors,
  CASE WHEN coalesce(t.accepted_ns, 0) = 0 THEN 'learning' ELSE 'accepted' END AS profile,
  CASE WHEN h.node_id IS NULL THEN 'never reported' WHEN h.shipper = 2 THEN 'stopped' WHEN h.agent = 1 THEN 'recording'
    WHEN h.agent = 2 THEN 'agent stalled' WHEN h.agent = 3 THEN 'agent stopped' ELSE 'no agent' END AS health,
  CAST(strftime('%s', 'now') AS INTEGER) - h.received_ns / 1000000000 AS age_s,
  h.host, h.version, h.sensor, h.backlog_records, h.backlog_bytes, h.quarantined,
  h.journal_bytes, h.journal_max_bytes,
  (h.wall_ns + h.rtt_ns / 2 - h.received_ns) / 1000000000.0 AS clock_skew_s,
  CASE WHEN h.accepted_ns = 0 THEN 0 WHEN h.node_id IS NULL THEN NULL ELSE 1 END AS accepted
FROM nodes n LEFT JOIN host_types t ON t.name = n.host_type
  LEFT JOIN node_health h ON h.node_id = n.id AND h.standing = 1;
