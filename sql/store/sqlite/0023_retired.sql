-- A person says that a node is gone for good: its installation's shipper is 3 until it reports again.
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
  CASE WHEN h.node_id IS NULL THEN 'never reported' WHEN h.shipper = 2 THEN 'stopped' WHEN h.shipper = 3 THEN 'retired' WHEN h.agent = 1 THEN 'recording'
    WHEN h.agent = 2 THEN 'agent stalled' WHEN h.agent = 3 THEN 'agent stopped' ELSE 'no agent' END AS health,
  CAST(strftime('%s', 'now') AS INTEGER) - h.received_ns / 1000000000 AS age_s,
  h.host, h.version,
  h.sensor || CASE h.addresses WHEN '' THEN '; at none' ELSE coalesce('; at ' || h.addresses, '') END AS sensor, h.backlog_records, h.backlog_bytes, h.quarantined,
  h.journal_bytes, h.journal_max_bytes,
  (h.wall_ns + h.rtt_ns / 2 - h.received_ns) / 1000000000.0 AS clock_skew_s,
  CASE WHEN h.accepted_ns = 0 THEN 0 WHEN h.node_id IS NULL THEN NULL ELSE 1 END AS accepted
FROM nodes n LEFT JOIN host_types t ON t.name = n.host_type
  LEFT JOIN node_health h ON h.node_id = n.id AND h.standing = 1;
