-- A node whose sensor sees less than one can.
CREATE OR REPLACE VIEW v_alerts AS
SELECT a.id,
  CASE a.kind WHEN 1 THEN 'unexpected' WHEN 2 THEN 'impostor' WHEN 3 THEN 'masquerade' WHEN 4 THEN 'hidden'
    WHEN 5 THEN 'blocked' WHEN 6 THEN 'missing' WHEN 7 THEN 'outlier' WHEN 8 THEN 'silent' WHEN 9 THEN 'lost'
    WHEN 10 THEN 'tampered' WHEN 11 THEN 'overdue' WHEN 12 THEN 'flooded' WHEN 13 THEN 'unseen'
    WHEN 14 THEN 'changed' WHEN 15 THEN 'shared' WHEN 16 THEN 'degraded' END AS kind,
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
