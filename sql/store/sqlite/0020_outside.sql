-- What the newest scan that looked at one of an alert's doors saw there: outside is a state (enum port_state in core/observation.h; 0:
-- nobody has looked), and where. It stood at the end of `why`, in words; what shows an alert makes the words from it.
ALTER TABLE alerts ADD COLUMN outside INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN outside_port INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN outside_node TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN outside_addr TEXT NOT NULL DEFAULT '';
ALTER TABLE alert_log ADD COLUMN outside INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alert_log ADD COLUMN outside_port INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alert_log ADD COLUMN outside_node TEXT NOT NULL DEFAULT '';
ALTER TABLE alert_log ADD COLUMN outside_addr TEXT NOT NULL DEFAULT '';

-- What is there already. A text that says it twice is left alone: one of the two is a file's name.
UPDATE alerts SET outside = x.state, outside_port = CAST(x.place AS INTEGER),
  outside_node = substr(x.place, instr(x.place, ' of ') + 4, instr(x.place, x.verb) - instr(x.place, ' of ') - 4),
  outside_addr = substr(x.place, instr(x.place, x.verb) + length(x.verb)), why = x.own
FROM (SELECT id, own, state, verb, substr(said, instr(said, 'port ') + 5) AS place
  FROM (SELECT id, substr(why, 1, instr(why, '; from outside: ') - 1) AS own, substr(why, instr(why, '; from outside: ') + 16) AS said
    FROM alerts WHERE length(replace(why, '; from outside: ', '')) = length(why) - 16)
  JOIN (SELECT 1 AS state, 'reachable, port ' AS begins, ' answers at ' AS verb
    UNION ALL SELECT 2, 'not reachable from the monitor, port ', ' is closed at '
    UNION ALL SELECT 3, 'not reachable from the monitor, port ', ' is filtered at ') w
    ON substr(said, 1, length(w.begins)) = w.begins AND said LIKE '% of %' || w.verb || '%') x
WHERE x.id = alerts.id AND instr(substr(x.place, instr(x.place, x.verb) + length(x.verb)), ' ') = 0;
UPDATE alert_log SET outside = x.state, outside_port = CAST(x.place AS INTEGER),
  outside_node = substr(x.place, instr(x.place, ' of ') + 4, instr(x.place, x.verb) - instr(x.place, ' of ') - 4),
  outside_addr = substr(x.place, instr(x.place, x.verb) + length(x.verb)), why = x.own
FROM (SELECT id, own, state, verb, substr(said, instr(said, 'port ') + 5) AS place
  FROM (SELECT id, substr(why, 1, instr(why, '; from outside: ') - 1) AS own, substr(why, instr(why, '; from outside: ') + 16) AS said
    FROM alert_log WHERE length(replace(why, '; from outside: ', '')) = length(why) - 16)
  JOIN (SELECT 1 AS state, 'reachable, port ' AS begins, ' answers at ' AS verb
    UNION ALL SELECT 2, 'not reachable from the monitor, port ', ' is closed at '
    UNION ALL SELECT 3, 'not reachable from the monitor, port ', ' is filtered at ') w
    ON substr(said, 1, length(w.begins)) = w.begins AND said LIKE '% of %' || w.verb || '%') x
WHERE x.id = alert_log.id AND instr(substr(x.place, instr(x.place, x.verb) + length(x.verb)), ' ') = 0;

-- To its readers nothing changes.
DROP VIEW v_alerts;
CREATE VIEW v_alerts AS
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
  a.why || CASE a.outside WHEN 0 THEN '' WHEN 1 THEN '; from outside: reachable, port ' || a.outside_port || ' of ' || a.outside_node
    || ' answers at ' || a.outside_addr
    ELSE '; from outside: not reachable from the monitor, port ' || a.outside_port || ' of ' || a.outside_node
    || CASE a.outside WHEN 2 THEN ' is closed at ' ELSE ' is filtered at ' END || a.outside_addr END AS why,
  a.remedy,
  strftime('%Y-%m-%dT%H:%M:%S', a.first_ns / 1000000000, 'unixepoch')
    || printf('.%06dZ', a.first_ns / 1000 % 1000000) AS first_at,
  strftime('%Y-%m-%dT%H:%M:%S', a.last_ns / 1000000000, 'unixepoch')
    || printf('.%06dZ', a.last_ns / 1000 % 1000000) AS last_at,
  a.alert_key, a.node_count,
  CASE WHEN a.until_ns > 0 THEN strftime('%Y-%m-%dT%H:%M:%S', a.until_ns / 1000000000, 'unixepoch')
    || printf('.%06dZ', a.until_ns / 1000 % 1000000) END AS until_at
FROM alerts a;
