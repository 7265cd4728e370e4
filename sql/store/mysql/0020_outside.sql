-- What the newest scan that looked at one of an alert's doors saw there: outside is a state (enum port_state in core/observation.h; 0:
-- nobody has looked), and where. It stood at the end of `why`, in words; what shows an alert makes the words from it.
ALTER TABLE alerts
  ADD COLUMN outside SMALLINT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN outside_port INT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN outside_node VARCHAR(255) NOT NULL DEFAULT '',
  ADD COLUMN outside_addr VARCHAR(64) NOT NULL DEFAULT '';
ALTER TABLE alert_log
  ADD COLUMN outside SMALLINT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN outside_port INT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN outside_node VARCHAR(255) NOT NULL DEFAULT '',
  ADD COLUMN outside_addr VARCHAR(64) NOT NULL DEFAULT '';

-- What is there already: only the end of the text, where the monitor wrote it.
UPDATE alerts SET outside = CASE WHEN substring_index(why, '; from outside: ', -1) LIKE 'reachable%' THEN 1
    WHEN substring_index(why, '; from outside: ', -1) LIKE '% is closed at %' THEN 2 ELSE 3 END,
  outside_port = substring_index(substring_index(substring_index(why, '; from outside: ', -1), ' of ', 1), ' ', -1),
  outside_node = substring_index(substring_index(substring_index(why, '; from outside: ', -1), ' of ', -1), ' ', 1),
  outside_addr = substring_index(why, ' at ', -1),
  why = left(why, char_length(why) - char_length(substring_index(why, '; from outside: ', -1)) - 16)
WHERE outside = 0 AND why REGEXP '; from outside: (reachable, port [0-9]{1,5} of [^ ]+ answers|not reachable from the monitor, port [0-9]{1,5} of [^ ]+ is (closed|filtered)) at [^ ]{2,64}$';
UPDATE alert_log SET outside = CASE WHEN substring_index(why, '; from outside: ', -1) LIKE 'reachable%' THEN 1
    WHEN substring_index(why, '; from outside: ', -1) LIKE '% is closed at %' THEN 2 ELSE 3 END,
  outside_port = substring_index(substring_index(substring_index(why, '; from outside: ', -1), ' of ', 1), ' ', -1),
  outside_node = substring_index(substring_index(substring_index(why, '; from outside: ', -1), ' of ', -1), ' ', 1),
  outside_addr = substring_index(why, ' at ', -1),
  why = left(why, char_length(why) - char_length(substring_index(why, '; from outside: ', -1)) - 16)
WHERE outside = 0 AND why REGEXP '; from outside: (reachable, port [0-9]{1,5} of [^ ]+ answers|not reachable from the monitor, port [0-9]{1,5} of [^ ]+ is (closed|filtered)) at [^ ]{2,64}$';

-- To its readers nothing changes.
CREATE OR REPLACE VIEW v_alerts AS
SELECT a.id,
  CASE a.kind WHEN 1 THEN 'unexpected' WHEN 2 THEN 'impostor' WHEN 3 THEN 'masquerade' WHEN 4 THEN 'hidden'
    WHEN 5 THEN 'blocked' WHEN 6 THEN 'missing' WHEN 7 THEN 'outlier' WHEN 8 THEN 'silent' WHEN 9 THEN 'lost'
    WHEN 10 THEN 'tampered' WHEN 11 THEN 'overdue' WHEN 12 THEN 'flooded' WHEN 13 THEN 'unseen'
    WHEN 14 THEN 'changed' WHEN 15 THEN 'shared' END AS kind,
  CASE a.severity WHEN 1 THEN 'notice' WHEN 2 THEN 'warning' WHEN 3 THEN 'critical' END AS severity,
  CASE a.state WHEN 1 THEN 'open' WHEN 2 THEN 'acknowledged' WHEN 3 THEN 'snoozed' WHEN 4 THEN 'allowed'
    WHEN 5 THEN 'resolved' END AS state,
  a.host_type AS class, a.nodes, a.open_count AS count,
  CASE a.proto WHEN 1 THEN 'tcp' WHEN 2 THEN 'mptcp' WHEN 3 THEN 'udp' WHEN 4 THEN 'udplite' WHEN 5 THEN 'sctp'
    WHEN 6 THEN 'raw' WHEN 7 THEN 'packet' WHEN 8 THEN 'vsock' END AS proto,
  a.port, a.summary,
  CASE a.outside WHEN 0 THEN a.why
    WHEN 1 THEN concat(a.why, '; from outside: reachable, port ', a.outside_port, ' of ', a.outside_node, ' answers at ', a.outside_addr)
    ELSE concat(a.why, '; from outside: not reachable from the monitor, port ', a.outside_port, ' of ', a.outside_node,
      CASE a.outside WHEN 2 THEN ' is closed at ' ELSE ' is filtered at ' END, a.outside_addr) END AS why,
  a.remedy,
  concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (a.first_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(a.first_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS first_at,
  concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (a.last_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(a.last_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS last_at,
  a.alert_key, a.node_count,
  CASE WHEN a.until_ns > 0 THEN concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (a.until_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(a.until_ns DIV 1000 % 1000000, 6, '0'), 'Z') END AS until_at
FROM alerts a;
