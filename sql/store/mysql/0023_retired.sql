-- A person says that a node is gone for good: its installation's shipper is 3 until it reports again.
-- That is not the node's to say.
CREATE TRIGGER IF NOT EXISTS node_health_shipper BEFORE INSERT ON node_health FOR EACH ROW
SET NEW.shipper = if(NEW.shipper = 2, 2, 1);

-- What an account may do with its own node costs others nothing: a class that it says itself changes once an hour at most (each change
-- has the profiles read and its doors judged anew), and of its installations, which are random numbers, 64 are kept, the current one
-- and those that reported last.
ALTER TABLE nodes ADD COLUMN class_said_ns BIGINT UNSIGNED NOT NULL DEFAULT 0;
DROP PROCEDURE IF EXISTS own_login;
CREATE PROCEDURE own_login(IN in_class VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, OUT out_node BIGINT UNSIGNED)
SQL SECURITY DEFINER MODIFIES SQL DATA
BEGIN
  DECLARE my_login VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE my_name, my_class, my_reported VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE my_bound, my_now, my_said BIGINT UNSIGNED;
  SET my_login = left(user(), char_length(user()) - locate('@', reverse(user())));
  SELECT l.node, if(l.host_type = '', in_class, l.host_type), l.node_id, n.id, n.reported_host_type,
      n.class_said_ns
    INTO my_name, my_class, my_bound, out_node, my_reported, my_said
    FROM node_logins l LEFT JOIN nodes n ON n.name = l.node WHERE l.login = my_login;
  IF my_name IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'this account is bound to no node, or was revoked: see ajar db grant';
  END IF;
  IF coalesce(my_class, '') = '' THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a class has a name';
  END IF;
  IF out_node IS NULL OR my_reported <> my_class THEN
    SET my_now = CAST(unix_timestamp(sysdate(6)) * 1000000 AS UNSIGNED) * 1000;
  END IF;
  IF out_node IS NULL OR (my_reported <> my_class AND my_now >= my_said + 3600000000000) THEN
    INSERT INTO host_types (name, created_ns) VALUES (my_class, my_now) ON DUPLICATE KEY UPDATE name = my_class;
    INSERT INTO nodes (name, host_type, reported_host_type, first_seen_ns, last_seen_ns, class_said_ns)
      VALUES (my_name, my_class, my_class, my_now, my_now, 0)
      ON DUPLICATE KEY UPDATE host_type = my_class, reported_host_type = my_class, class_said_ns = my_now;
    SET out_node = (SELECT n.id FROM nodes n WHERE n.name = my_name);
  END IF;
  IF (SELECT count(*) FROM node_health h WHERE h.node_id = out_node) > 64 THEN
    DELETE FROM node_health WHERE node_id = out_node AND standing <> 1 ORDER BY received_ns LIMIT 8;
  END IF;
  IF coalesce(my_bound, 0) <> out_node THEN
    UPDATE node_logins SET node_id = out_node WHERE login = my_login;
  END IF;
END;

CREATE OR REPLACE VIEW v_nodes AS
SELECT n.name AS node, n.host_type AS class, n.tier,
  concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (n.first_seen_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(n.first_seen_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS first_seen_at,
  concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (n.last_seen_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(n.last_seen_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS last_seen_at,
  n.event_count AS events, n.lost_count AS lost, n.boot_seq, n.seq,
  (SELECT count(*) FROM doors d WHERE d.node_id = n.id AND d.closed_ns = 0) AS open_doors,
  CASE WHEN coalesce(t.accepted_ns, 0) = 0 THEN 'learning' ELSE 'accepted' END AS profile,
  CASE WHEN h.node_id IS NULL THEN 'never reported' WHEN h.shipper = 2 THEN 'stopped' WHEN h.shipper = 3 THEN 'retired' WHEN h.agent = 1 THEN 'recording'
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
