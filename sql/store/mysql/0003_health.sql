-- How the nodes are: see user/store/health.h. Times are the server's clock unless they say otherwise.

-- One row an installation (a journal's identity) of a node, written only by that node's shipper. standing: 1 current, 2 refused,
-- 3 past. accepted_ns 0: it took the place of another one and no person has said that this is right.
-- session is that of the report before; when the one before that comes back, two machines report in turn: mixed_ns.
CREATE TABLE IF NOT EXISTS node_health (
  node_id BIGINT UNSIGNED NOT NULL,
  installation BINARY(16) NOT NULL,
  standing SMALLINT UNSIGNED NOT NULL,
  accepted_ns BIGINT UNSIGNED NOT NULL,
  first_ns BIGINT UNSIGNED NOT NULL,
  received_ns BIGINT UNSIGNED NOT NULL,
  session BINARY(8) NOT NULL,
  session_before BINARY(8) NOT NULL,
  host_before VARCHAR(255) NOT NULL DEFAULT '',
  mixed_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  machine BINARY(16) NOT NULL,
  host VARCHAR(255) NOT NULL,
  boot_id VARCHAR(36) NOT NULL,
  version VARCHAR(64) NOT NULL,
  shipper SMALLINT UNSIGNED NOT NULL,
  agent SMALLINT UNSIGNED NOT NULL,
  agent_age_ns BIGINT UNSIGNED NOT NULL,
  tier VARCHAR(1) NOT NULL,
  attached SMALLINT UNSIGNED NOT NULL,
  sensor TEXT NOT NULL,
  boot_seq INT UNSIGNED NOT NULL,
  seq BIGINT UNSIGNED NOT NULL,
  chain BINARY(32) NOT NULL,
  journal_bytes BIGINT UNSIGNED NOT NULL,
  journal_max_bytes BIGINT UNSIGNED NOT NULL,
  backlog_records BIGINT UNSIGNED NOT NULL,
  backlog_bytes BIGINT UNSIGNED NOT NULL,
  backlog_ns BIGINT UNSIGNED NOT NULL,
  lost BIGINT UNSIGNED NOT NULL,
  conflicts BIGINT UNSIGNED NOT NULL,
  quarantined BIGINT UNSIGNED NOT NULL,
  interval_ns BIGINT UNSIGNED NOT NULL,
  wall_ns BIGINT UNSIGNED NOT NULL,
  rtt_ns BIGINT UNSIGNED NOT NULL,
  step_ns BIGINT NOT NULL,
  stepped_ns BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (node_id, installation)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Which boot of which journal a boot_seq of the store is; a boot without a row has its journal's number.
CREATE TABLE IF NOT EXISTS node_boots (
  node_id BIGINT UNSIGNED NOT NULL,
  boot_seq INT UNSIGNED NOT NULL,
  installation BINARY(16) NOT NULL,
  boot_id VARCHAR(36) NOT NULL,
  journal_boot INT UNSIGNED NOT NULL,
  PRIMARY KEY (node_id, boot_seq),
  UNIQUE KEY node_boots_journal (node_id, installation, journal_boot, boot_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The monitor's notes: what it has told of losses, since when a record is missing, where a chain does not go on.
CREATE TABLE IF NOT EXISTS node_watch (
  node_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  lost_told BIGINT UNSIGNED NOT NULL DEFAULT 0,
  lost_seen BIGINT UNSIGNED NOT NULL DEFAULT 0,
  lost_first_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  lost_last_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  hole_boot INT UNSIGNED NOT NULL DEFAULT 0,
  hole_seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
  hole_since_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  broken_boot INT UNSIGNED NOT NULL DEFAULT 0,
  broken_seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
  broken_ns BIGINT UNSIGNED NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- When what one of several monitors does was last done. Not in settings: that would ring their bell.
CREATE TABLE IF NOT EXISTS turns (
  name VARCHAR(255) NOT NULL PRIMARY KEY,
  at_ns BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- health: what the node last said, not whether that was lately; age_s says how long ago. Nothing reported is never "recording".
CREATE OR REPLACE VIEW v_nodes AS
SELECT n.name AS node, n.host_type AS class, n.tier,
  concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (n.first_seen_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(n.first_seen_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS first_seen_at,
  concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (n.last_seen_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(n.last_seen_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS last_seen_at,
  n.event_count AS events, n.lost_count AS lost, n.boot_seq, n.seq,
  (SELECT count(*) FROM doors d WHERE d.node_id = n.id AND d.closed_ns = 0) AS open_doors,
  CASE WHEN coalesce(t.accepted_ns, 0) = 0 THEN 'learning' ELSE 'accepted' END AS profile,
  CASE WHEN h.node_id IS NULL THEN 'never reported' WHEN h.shipper = 2 THEN 'stopped' WHEN h.agent = 1 THEN 'recording'
    WHEN h.agent = 2 THEN 'agent stalled' WHEN h.agent = 3 THEN 'agent stopped' ELSE 'no agent' END AS health,
  CASE WHEN h.node_id IS NULL THEN NULL
    ELSE CAST(unix_timestamp() AS SIGNED) - CAST(h.received_ns DIV 1000000000 AS SIGNED) END AS age_s,
  h.host, h.version, h.sensor, h.backlog_records, h.backlog_bytes, h.quarantined,
  h.journal_bytes, h.journal_max_bytes,
  (CAST(h.wall_ns AS SIGNED) + CAST(h.rtt_ns DIV 2 AS SIGNED) - CAST(h.received_ns AS SIGNED)) / 1000000000 AS clock_skew_s,
  CASE WHEN h.accepted_ns = 0 THEN 0 WHEN h.node_id IS NULL THEN NULL ELSE 1 END AS accepted
FROM nodes n LEFT JOIN host_types t ON t.name = n.host_type
  LEFT JOIN node_health h ON h.node_id = n.id AND h.standing = 1;
