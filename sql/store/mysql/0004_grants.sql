-- What accounts of a server may do; see "Accounts" in sql/README.md. A node's account reaches only the objects own_* below,
-- and each of them finds out by itself whose it is: from the user part of USER(), cut at its last '@'. They run with the
-- rights of whoever made the schema (SQL SECURITY DEFINER), so that account has to stay. Nothing here believes NOW(),
-- which a session can set: SYSDATE() is the server's clock.

-- Which node a login is. A row that is deleted revokes: the next statement of that login fails.
-- host_type '': the node's own word for its class counts. node_id: of the row in nodes, once the node has reported.
CREATE TABLE IF NOT EXISTS node_logins (
  login VARCHAR(80) NOT NULL PRIMARY KEY,
  node VARCHAR(255) NOT NULL,
  host_type VARCHAR(255) NOT NULL DEFAULT '',
  node_id BIGINT UNSIGNED,
  created_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  UNIQUE KEY node_logins_node (node)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The accounts that 'ajar db grant' has made, and no others: it changes or drops none but these.
-- account_role: 1 node, 2 monitor, 3 web, 4 retention.
CREATE TABLE IF NOT EXISTS accounts (
  login VARCHAR(80) NOT NULL,
  from_host VARCHAR(255) NOT NULL,
  account_role SMALLINT UNSIGNED NOT NULL,
  granted_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (login, from_host)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Is this the right store, and who am I there? For every account of ours. interface_number: of the objects own_*; a shipper of
-- another version works as long as it knows that number.
CREATE OR REPLACE SQL SECURITY DEFINER VIEW own_account AS
SELECT 1 AS interface_number,
  (SELECT s.value FROM settings s WHERE s.name = 'cluster_uuid') AS cluster_uuid,
  (SELECT CAST(coalesce(max(m.number), 0) AS UNSIGNED) FROM schema_migrations m WHERE m.done = 1) AS schema_number,
  (SELECT l.node FROM node_logins l WHERE l.login = left(user(), char_length(user()) - locate('@', reverse(user())))) AS node,
  (SELECT CAST(coalesce(min(a.account_role), 0) AS UNSIGNED) FROM accounts a WHERE a.login = left(user(), char_length(user()) - locate('@', reverse(user())))) AS account_role;

-- The one thing a node can write to, and only INSERT, and only its own, received now, in the partition that follows from the record.
CREATE OR REPLACE SQL SECURITY DEFINER VIEW own_events AS
SELECT node_id, boot_seq, seq, happened_ns, recorded_ns, received_ns, day, kind, origin, proto, family, addr, port, scope, netns,
  netns_cookie, cookie, pid, comm, exe, uid, user_name, argv, opened_ns, record_count, gap_from, gap_to, reason, record, chain
FROM events
WHERE node_id = (SELECT l.node_id FROM node_logins l WHERE l.login = left(user(), char_length(user()) - locate('@', reverse(user()))))
  AND day = happened_ns DIV 86400000000000
  AND received_ns BETWEEN CAST(unix_timestamp(sysdate()) AS UNSIGNED) * 1000000000 - 600000000000
    AND CAST(unix_timestamp(sysdate()) AS UNSIGNED) * 1000000000 + 600000000000
WITH CASCADED CHECK OPTION;

-- What is here of a node's boots, so that it can send again what is not.
CREATE OR REPLACE SQL SECURITY DEFINER VIEW own_boots AS
SELECT j.node_id, j.boot_seq, j.base_seq, j.head_seq, j.stored_seq,
  CAST(unix_timestamp(sysdate(6)) * 1000000 AS UNSIGNED) * 1000 AS now_ns
FROM journals j
WHERE j.node_id = (SELECT l.node_id FROM node_logins l WHERE l.login = left(user(), char_length(user()) - locate('@', reverse(user()))));

-- Is what is here what was sent? Not the records themselves: who steals the account does not get to read.
CREATE OR REPLACE SQL SECURITY DEFINER VIEW own_digests AS
SELECT e.boot_seq, e.seq, unhex(sha2(concat(e.record, e.chain), 256)) AS digest
FROM events e
WHERE e.node_id = (SELECT l.node_id FROM node_logins l WHERE l.login = left(user(), char_length(user()) - locate('@', reverse(user()))));

-- How the node is: its installations (health.h), and which boots it has claimed. What it may not say itself is decided below.
CREATE OR REPLACE SQL SECURITY DEFINER VIEW own_health AS
SELECT h.installation, h.standing, h.accepted_ns, h.received_ns, h.host
FROM node_health h
WHERE h.node_id = (SELECT l.node_id FROM node_logins l WHERE l.login = left(user(), char_length(user()) - locate('@', reverse(user()))));
CREATE OR REPLACE SQL SECURITY DEFINER VIEW own_claims AS
SELECT b.boot_seq, b.installation, b.boot_id, b.journal_boot
FROM node_boots b
WHERE b.node_id = (SELECT l.node_id FROM node_logins l WHERE l.login = left(user(), char_length(user()) - locate('@', reverse(user()))));

-- Whose login is it? Makes the row of the node when it is new. Granted to nobody: the procedures below call it.
CREATE PROCEDURE own_login(IN in_class VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, OUT out_node BIGINT UNSIGNED)
SQL SECURITY DEFINER MODIFIES SQL DATA
BEGIN
  DECLARE my_login VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE my_name, my_class, my_reported VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE my_bound, my_now BIGINT UNSIGNED;
  SET my_login = left(user(), char_length(user()) - locate('@', reverse(user())));
  SELECT l.node, if(l.host_type = '', in_class, l.host_type), l.node_id, n.id, n.reported_host_type
    INTO my_name, my_class, my_bound, out_node, my_reported
    FROM node_logins l LEFT JOIN nodes n ON n.name = l.node WHERE l.login = my_login;
  IF my_name IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'this account is bound to no node, or was revoked: see ajar db grant';
  END IF;
  IF coalesce(my_class, '') = '' THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a class has a name';
  END IF;
  IF out_node IS NULL OR my_reported <> my_class THEN
    SET my_now = CAST(unix_timestamp(sysdate(6)) * 1000000 AS UNSIGNED) * 1000;
    INSERT INTO host_types (name, created_ns) VALUES (my_class, my_now) ON DUPLICATE KEY UPDATE name = my_class;
    INSERT INTO nodes (name, host_type, reported_host_type, first_seen_ns, last_seen_ns)
      VALUES (my_name, my_class, my_class, my_now, my_now)
      ON DUPLICATE KEY UPDATE host_type = my_class, reported_host_type = my_class;
    SET out_node = (SELECT n.id FROM nodes n WHERE n.name = my_name);
  END IF;
  IF coalesce(my_bound, 0) <> out_node THEN
    UPDATE node_logins SET node_id = out_node WHERE login = my_login;
  END IF;
END;

-- A batch of a boot begins: makes the row of the boot, and holds its lock.
CREATE PROCEDURE own_begin(IN in_boot INT UNSIGNED, IN in_class VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin)
SQL SECURITY DEFINER MODIFIES SQL DATA
BEGIN
  DECLARE my_node BIGINT UNSIGNED;
  CALL own_login(in_class, my_node);
  IF coalesce(in_boot, 0) = 0 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a boot has a number above 0';
  END IF;
  INSERT INTO journals (node_id, boot_seq) VALUES (my_node, in_boot) ON DUPLICATE KEY UPDATE boot_seq = in_boot;
END;

-- The node reports. Which installation is the current one, and whether a person has accepted it, is decided here, as health_admit() in
-- user/store/health.c does it for an owner's account: who steals a node's account cannot accept itself.
CREATE PROCEDURE own_report(IN in_class VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN in_fresh_ns BIGINT UNSIGNED,
  IN in_installation BINARY(16), IN in_session BINARY(8), IN in_machine BINARY(16),
  IN in_host VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN in_boot_id VARCHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  IN in_version VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN in_shipper SMALLINT UNSIGNED, IN in_agent SMALLINT UNSIGNED,
  IN in_agent_age_ns BIGINT UNSIGNED, IN in_tier VARCHAR(1) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN in_attached SMALLINT UNSIGNED,
  IN in_sensor TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, IN in_boot_seq INT UNSIGNED, IN in_seq BIGINT UNSIGNED,
  IN in_chain BINARY(32), IN in_journal_bytes BIGINT UNSIGNED, IN in_journal_max_bytes BIGINT UNSIGNED,
  IN in_backlog_records BIGINT UNSIGNED, IN in_backlog_bytes BIGINT UNSIGNED, IN in_backlog_ns BIGINT UNSIGNED, IN in_lost BIGINT UNSIGNED,
  IN in_conflicts BIGINT UNSIGNED, IN in_quarantined BIGINT UNSIGNED, IN in_interval_ns BIGINT UNSIGNED, IN in_wall_ns BIGINT UNSIGNED,
  IN in_rtt_ns BIGINT UNSIGNED, IN in_step_ns BIGINT, IN in_stepped_ns BIGINT UNSIGNED)
SQL SECURITY DEFINER MODIFIES SQL DATA
BEGIN
  DECLARE my_node, my_now, my_accepted, my_first, my_mixed, my_held_ns BIGINT UNSIGNED;
  DECLARE my_standing, my_held_shipper SMALLINT UNSIGNED;
  DECLARE my_session, my_before BINARY(8);
  DECLARE my_host, my_host_before VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  CALL own_login(in_class, my_node);
  SET my_node = (SELECT n.id FROM nodes n WHERE n.id = my_node FOR UPDATE);
  SET my_now = CAST(unix_timestamp(sysdate(6)) * 1000000 AS UNSIGNED) * 1000;
  SELECT h.standing, h.accepted_ns, h.first_ns, h.mixed_ns, h.session, h.session_before, h.host, h.host_before
    INTO my_standing, my_accepted, my_first, my_mixed, my_session, my_before, my_host, my_host_before
    FROM node_health h WHERE h.node_id = my_node AND h.installation = in_installation;
  IF my_session <> in_session THEN
    IF my_before = in_session AND in_session <> x'0000000000000000' THEN
      SET my_mixed = my_now;
    END IF;
    SET my_before = my_session, my_host_before = my_host;
  END IF;
  IF my_standing IS NULL OR my_standing <> 1 THEN
    SELECT h.received_ns, h.shipper INTO my_held_ns, my_held_shipper
      FROM node_health h WHERE h.node_id = my_node AND h.standing = 1 AND h.installation <> in_installation;
    IF my_held_ns IS NULL THEN
      SET my_standing = 1, my_accepted = my_now;
    ELSEIF my_held_shipper <> 2 AND my_now < my_held_ns + in_fresh_ns THEN
      SET my_standing = 2, my_accepted = 0;
    ELSE
      SET my_standing = 1, my_accepted = 0;
      UPDATE node_health SET standing = 3 WHERE node_id = my_node AND standing = 1;
    END IF;
  END IF;
  REPLACE INTO node_health (node_id, installation, standing, accepted_ns, first_ns, received_ns, session, session_before, host_before,
    mixed_ns, machine, host, boot_id, version, shipper, agent, agent_age_ns, tier, attached, sensor, boot_seq, seq, chain,
    journal_bytes, journal_max_bytes, backlog_records, backlog_bytes, backlog_ns, lost, conflicts, quarantined, interval_ns,
    wall_ns, rtt_ns, step_ns, stepped_ns)
  VALUES (my_node, in_installation, my_standing, my_accepted, coalesce(my_first, my_now), my_now, in_session,
    coalesce(my_before, x'0000000000000000'), coalesce(my_host_before, ''), coalesce(my_mixed, 0), in_machine, in_host, in_boot_id,
    in_version, in_shipper, in_agent, in_agent_age_ns, in_tier, in_attached, in_sensor, in_boot_seq, in_seq, in_chain,
    in_journal_bytes, in_journal_max_bytes, in_backlog_records, in_backlog_bytes, in_backlog_ns, in_lost, in_conflicts,
    in_quarantined, in_interval_ns, in_wall_ns, in_rtt_ns, in_step_ns, in_stepped_ns);
END;

-- The store's number for a boot of the current installation's journal; own_claims has it then.
CREATE PROCEDURE own_claim(IN in_installation BINARY(16), IN in_boot_id VARCHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  IN in_boot INT UNSIGNED)
SQL SECURITY DEFINER MODIFIES SQL DATA
BEGIN
  DECLARE my_node, my_max BIGINT UNSIGNED;
  DECLARE my_free TINYINT;
  SET my_node = (SELECT l.node_id FROM node_logins l WHERE l.login = left(user(), char_length(user()) - locate('@', reverse(user()))));
  SET my_node = (SELECT n.id FROM nodes n WHERE n.id = my_node FOR UPDATE);
  IF my_node IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'this account is bound to no node, or was revoked: see ajar db grant';
  END IF;
  IF EXISTS (SELECT 1 FROM node_health h WHERE h.node_id = my_node AND h.installation = in_installation AND h.standing = 1)
    AND NOT EXISTS (SELECT 1 FROM node_boots b WHERE b.node_id = my_node AND b.installation = in_installation
      AND b.journal_boot = in_boot AND b.boot_id = in_boot_id) THEN
    SET my_max = (SELECT greatest((SELECT coalesce(max(j.boot_seq), 0) FROM journals j WHERE j.node_id = my_node),
      (SELECT coalesce(max(b.boot_seq), 0) FROM node_boots b WHERE b.node_id = my_node)));
    SET my_free = in_boot > my_max OR NOT EXISTS (SELECT 1 FROM node_boots b WHERE b.node_id = my_node
      AND (b.boot_seq = in_boot OR b.installation <> in_installation));
    INSERT INTO node_boots (node_id, boot_seq, installation, boot_id, journal_boot)
      VALUES (my_node, if(my_free, in_boot, my_max + 1), in_installation, in_boot_id, in_boot);
  END IF;
END;

-- What follows from one of the few records that say more than that a door opened or closed: lost (4), gap (5), start (6).
CREATE PROCEDURE own_note(IN in_boot INT UNSIGNED, IN in_seq BIGINT UNSIGNED)
SQL SECURITY DEFINER MODIFIES SQL DATA
BEGIN
  DECLARE my_node, my_count, my_from, my_to, my_have BIGINT UNSIGNED;
  DECLARE my_kind INT UNSIGNED;
  DECLARE my_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  SET my_node = (SELECT l.node_id FROM node_logins l WHERE l.login = left(user(), char_length(user()) - locate('@', reverse(user()))));
  IF my_node IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'this account is bound to no node, or was revoked: see ajar db grant';
  END IF;
  SELECT e.kind, coalesce(e.record_count, 0), coalesce(e.gap_from, 0), coalesce(e.gap_to, 0), e.reason
    INTO my_kind, my_count, my_from, my_to, my_reason
    FROM events e WHERE e.node_id = my_node AND e.boot_seq = in_boot AND e.seq = in_seq;
  IF my_kind = 5 AND my_from > 0 AND my_to >= my_from AND my_to < 9223372036854775807 THEN
    INSERT INTO event_gaps (node_id, boot_seq, seq, gap_from, gap_to) VALUES (my_node, in_boot, in_seq, my_from, my_to);
    SET my_have = (SELECT count(*) FROM events e WHERE e.node_id = my_node AND e.boot_seq = in_boot AND e.seq BETWEEN my_from AND my_to);
    SET my_count = if(my_have > my_to - my_from, 0, my_to - my_from + 1 - my_have);
  END IF;
  IF my_kind = 6 THEN
    UPDATE nodes SET tier = my_reason, tier_seq = in_seq, tier_boot_seq = in_boot
      WHERE id = my_node AND (tier_boot_seq < in_boot OR (tier_boot_seq = in_boot AND tier_seq < in_seq));
  ELSEIF my_kind IN (4, 5) AND my_count > 0 THEN
    UPDATE nodes SET lost_count = least(lost_count + least(my_count, 4611686018427387903), 4611686018427387903) WHERE id = my_node;
  END IF;
END;

-- A batch of a boot ends: in_new new rows from in_first to in_last. Moves the head as far as there is no hole (a gap record stands for
-- what it names), takes back a judgement that has run past them, and rings the bell.
CREATE PROCEDURE own_end(IN in_boot INT UNSIGNED, IN in_first BIGINT UNSIGNED, IN in_last BIGINT UNSIGNED, IN in_new INT UNSIGNED)
SQL SECURITY DEFINER MODIFIES SQL DATA
BEGIN
  DECLARE my_node, my_now, my_head, my_stored, my_step, my_have BIGINT UNSIGNED;
  SET my_node = (SELECT l.node_id FROM node_logins l WHERE l.login = left(user(), char_length(user()) - locate('@', reverse(user()))));
  IF my_node IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'this account is bound to no node, or was revoked: see ajar db grant';
  END IF;
  IF coalesce(in_first, 0) = 0 OR coalesce(in_last, 0) < in_first OR in_last > 9223372036854775806 OR coalesce(in_new, 0) NOT BETWEEN 1 AND 500 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a batch has 1 to 500 records';
  END IF;
  SET my_now = CAST(unix_timestamp(sysdate(6)) * 1000000 AS UNSIGNED) * 1000;
  SELECT j.head_seq, greatest(j.stored_seq, in_last) INTO my_head, my_stored
    FROM journals j WHERE j.node_id = my_node AND j.boot_seq = in_boot FOR UPDATE;
  SET my_step = if(in_first = my_head + 1, 512, 1);
  walk: LOOP
    SET my_have = (SELECT coalesce(max(g.gap_to), 0) FROM event_gaps g WHERE g.node_id = my_node AND g.boot_seq = in_boot
      AND g.gap_to > my_head AND g.gap_from <= my_head + 1);
    IF my_have > my_head THEN
      SET my_head = my_have;
    END IF;
    IF my_head >= my_stored THEN
      LEAVE walk;
    END IF;
    SET my_step = least(my_step, my_stored - my_head);
    SET my_have = (SELECT count(*) FROM events e WHERE e.node_id = my_node AND e.boot_seq = in_boot
      AND e.seq > my_head AND e.seq <= my_head + my_step);
    IF my_have = my_step THEN
      SET my_head = my_head + my_step;
      SET my_step = least(4 * my_step, 1024);
    ELSEIF my_step > 1 THEN
      SET my_step = my_step DIV 4 + (my_step < 4);
    ELSE
      LEAVE walk;
    END IF;
  END LOOP;
  UPDATE journals SET head_seq = my_head, stored_seq = my_stored, judged_seq = least(judged_seq, in_first - 1),
    rows_stored = rows_stored + in_new, touched_ns = my_now WHERE node_id = my_node AND boot_seq = in_boot;
  UPDATE nodes SET event_count = event_count + in_new, last_seen_ns = greatest(last_seen_ns, my_now),
    seq = if(boot_seq < in_boot OR (boot_seq = in_boot AND seq < in_last), in_last, seq), boot_seq = greatest(boot_seq, in_boot)
    WHERE id = my_node;
END;

-- What may be deleted at all, whoever asks: nothing that was received within min_age_ns, that nobody has judged, or behind a hole.
-- The monitor can call these two and delete neither events nor alerts itself; only the owner changes the age.
CREATE TABLE IF NOT EXISTS retention_limits (
  id TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  min_age_ns BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT IGNORE INTO retention_limits (id, min_age_ns) VALUES (1, 3600000000000);

CREATE PROCEDURE retention_events(IN in_node BIGINT UNSIGNED, IN in_boot INT UNSIGNED, IN in_last BIGINT UNSIGNED)
SQL SECURITY DEFINER MODIFIES SQL DATA
BEGIN
  DECLARE my_base, my_limit, my_before BIGINT UNSIGNED;
  SET my_before = (SELECT CAST(unix_timestamp(sysdate()) AS UNSIGNED) * 1000000000 - min_age_ns FROM retention_limits WHERE id = 1);
  SELECT j.base_seq, least(j.judged_seq, j.head_seq) INTO my_base, my_limit
    FROM journals j WHERE j.node_id = in_node AND j.boot_seq = in_boot FOR UPDATE;
  IF my_before IS NULL OR coalesce(in_last > my_limit, 1) OR EXISTS (SELECT 1 FROM events e WHERE e.node_id = in_node
    AND e.boot_seq = in_boot AND e.seq > my_base AND e.seq <= in_last AND e.received_ns >= my_before) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'too young to be deleted (retention_limits), not judged, or behind a hole';
  END IF;
  DELETE FROM events WHERE node_id = in_node AND boot_seq = in_boot AND seq <= in_last;
  DELETE FROM event_gaps WHERE node_id = in_node AND boot_seq = in_boot AND seq <= in_last;
END;

-- A resolved alert (state 5) with its history.
CREATE PROCEDURE retention_alert(IN in_alert BIGINT UNSIGNED)
SQL SECURITY DEFINER MODIFIES SQL DATA
BEGIN
  DECLARE my_before BIGINT UNSIGNED;
  SET my_before = (SELECT CAST(unix_timestamp(sysdate()) AS UNSIGNED) * 1000000000 - min_age_ns FROM retention_limits WHERE id = 1);
  IF my_before IS NULL OR NOT EXISTS (SELECT 1 FROM alerts a WHERE a.id = in_alert AND a.state = 5 AND a.last_ns < my_before)
    OR EXISTS (SELECT 1 FROM alert_log l WHERE l.alert_id = in_alert AND l.at_ns >= my_before) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'an alert that is not resolved, or too young to be deleted (retention_limits)';
  END IF;
  DELETE FROM alert_log WHERE alert_id = in_alert;
  DELETE FROM alert_nodes WHERE alert_id = in_alert;
  DELETE FROM alerts WHERE id = in_alert;
END;
