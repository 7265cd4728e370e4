-- A node's addresses, with a blank between them; '': it has none; NULL: it does not say. They stood at the end of `sensor`, in words.
ALTER TABLE node_health ADD COLUMN addresses TEXT;
-- own_report() has no parameter for them, and a new one would lock out the nodes that are not brought up to date together with the
-- store: there they go on coming with the sensor's words.
CREATE TRIGGER IF NOT EXISTS node_health_addresses BEFORE INSERT ON node_health FOR EACH ROW
SET NEW.addresses = if(NEW.addresses IS NULL AND NEW.sensor REGEXP '; at (none|[0-9a-f.: ]+)$',
    if(NEW.sensor LIKE '%; at none', '', substring_index(NEW.sensor, '; at ', -1)), NEW.addresses),
  NEW.sensor = if(NEW.addresses IS NOT NULL AND NEW.sensor REGEXP '; at (none|[0-9a-f.: ]+)$',
    left(NEW.sensor, char_length(NEW.sensor) - char_length(substring_index(NEW.sensor, '; at ', -1)) - 5), NEW.sensor);
UPDATE node_health SET addresses = if(sensor LIKE '%; at none', '', substring_index(sensor, '; at ', -1)),
  sensor = left(sensor, char_length(sensor) - char_length(substring_index(sensor, '; at ', -1)) - 5)
  WHERE addresses IS NULL AND sensor REGEXP '; at (none|[0-9a-f.: ]+)$';

-- To its readers nothing changes.
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
  h.host, h.version,
  concat(h.sensor, CASE h.addresses WHEN '' THEN '; at none' ELSE coalesce(concat('; at ', h.addresses), '') END) AS sensor, h.backlog_records, h.backlog_bytes, h.quarantined,
  h.journal_bytes, h.journal_max_bytes,
  (CAST(h.wall_ns AS SIGNED) + CAST(h.rtt_ns DIV 2 AS SIGNED) - CAST(h.received_ns AS SIGNED)) / 1000000000 AS clock_skew_s,
  CASE WHEN h.accepted_ns = 0 THEN 0 WHEN h.node_id IS NULL THEN NULL ELSE 1 END AS accepted
FROM nodes n LEFT JOIN host_types t ON t.name = n.host_type
  LEFT JOIN node_health h ON h.node_id = n.id AND h.standing = 1;
