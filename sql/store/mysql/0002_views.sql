-- The documented, read-only views for reports: UTC text times, endpoints, names instead of numbers.

CREATE OR REPLACE VIEW v_open_doors AS
SELECT n.name AS node, n.host_type AS class,
  CASE d.proto WHEN 1 THEN 'tcp' WHEN 2 THEN 'mptcp' WHEN 3 THEN 'udp' WHEN 4 THEN 'udplite' WHEN 5 THEN 'sctp'
    WHEN 6 THEN 'raw' WHEN 7 THEN 'packet' WHEN 8 THEN 'vsock' END AS proto,
  d.addr, d.port,
  CASE d.family WHEN 10 THEN concat('[', d.addr, ']:', d.port) ELSE concat(d.addr, ':', d.port) END AS endpoint,
  CASE d.scope WHEN 1 THEN 'any' WHEN 2 THEN 'host' WHEN 3 THEN 'loopback' END AS scope,
  concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (d.opened_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(d.opened_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS opened_at,
  d.pid, d.comm, d.exe, d.argv, d.uid, d.user_name,
  CASE d.verdict WHEN 1 THEN 'learning' WHEN 2 THEN 'as profiled' WHEN 3 THEN 'unexpected' WHEN 4 THEN 'impostor'
    WHEN 5 THEN 'client' END AS verdict,
  CASE d.severity WHEN 1 THEN 'notice' WHEN 2 THEN 'warning' WHEN 3 THEN 'critical' END AS severity,
  d.alert_key, d.boot_seq, d.open_seq, d.netns
FROM doors d JOIN nodes n ON n.id = d.node_id
WHERE d.closed_ns = 0;

CREATE OR REPLACE VIEW v_alerts AS
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
  concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (a.first_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(a.first_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS first_at,
  concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (a.last_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(a.last_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS last_at,
  a.alert_key
FROM alerts a;

CREATE OR REPLACE VIEW v_timeline AS
SELECT concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (e.happened_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(e.happened_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS happened_at,
  n.name AS node, n.host_type AS class,
  CASE e.kind WHEN 0 THEN 'unreadable' WHEN 1 THEN 'open' WHEN 2 THEN 'close' WHEN 3 THEN 'bind' WHEN 4 THEN 'lost'
    WHEN 5 THEN 'gap' WHEN 6 THEN 'start' WHEN 7 THEN 'stop' END AS event,
  CASE e.origin WHEN 1 THEN 'event' WHEN 2 THEN 'snapshot' WHEN 3 THEN 'sweep' END AS origin,
  CASE e.proto WHEN 1 THEN 'tcp' WHEN 2 THEN 'mptcp' WHEN 3 THEN 'udp' WHEN 4 THEN 'udplite' WHEN 5 THEN 'sctp'
    WHEN 6 THEN 'raw' WHEN 7 THEN 'packet' WHEN 8 THEN 'vsock' END AS proto,
  CASE e.family WHEN 10 THEN concat('[', e.addr, ']:', e.port) ELSE concat(e.addr, ':', e.port) END AS endpoint,
  CASE e.scope WHEN 1 THEN 'any' WHEN 2 THEN 'host' WHEN 3 THEN 'loopback' END AS scope,
  e.pid, e.comm, e.exe, e.argv, e.uid, e.user_name,
  CASE d.verdict WHEN 1 THEN 'learning' WHEN 2 THEN 'as profiled' WHEN 3 THEN 'unexpected' WHEN 4 THEN 'impostor'
    WHEN 5 THEN 'client' END AS verdict,
  e.reason AS note, e.happened_ns, e.boot_seq, e.seq
FROM events e JOIN nodes n ON n.id = e.node_id
  LEFT JOIN doors d ON d.node_id = e.node_id AND d.boot_seq = e.boot_seq AND d.netns_cookie = e.netns_cookie
    AND d.cookie = e.cookie
UNION ALL
SELECT concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (l.at_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(l.at_ns DIV 1000 % 1000000, 6, '0'), 'Z'),
  l.nodes, l.host_type, 'alert', NULL,
  CASE l.proto WHEN 1 THEN 'tcp' WHEN 2 THEN 'mptcp' WHEN 3 THEN 'udp' WHEN 4 THEN 'udplite' WHEN 5 THEN 'sctp'
    WHEN 6 THEN 'raw' WHEN 7 THEN 'packet' WHEN 8 THEN 'vsock' END,
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  CASE l.state WHEN 1 THEN 'open' WHEN 2 THEN 'acknowledged' WHEN 3 THEN 'snoozed' WHEN 4 THEN 'allowed'
    WHEN 5 THEN 'resolved' END,
  l.summary, l.at_ns, l.boot_seq, l.seq
FROM alert_log l;

CREATE OR REPLACE VIEW v_nodes AS
SELECT n.name AS node, n.host_type AS class, n.tier,
  concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (n.first_seen_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(n.first_seen_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS first_seen_at,
  concat(date_format(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL (n.last_seen_ns DIV 1000000000) SECOND, '%Y-%m-%dT%H:%i:%s'), '.', lpad(n.last_seen_ns DIV 1000 % 1000000, 6, '0'), 'Z') AS last_seen_at,
  n.event_count AS events, n.lost_count AS lost, n.boot_seq, n.seq,
  (SELECT count(*) FROM doors d WHERE d.node_id = n.id AND d.closed_ns = 0) AS open_doors,
  CASE WHEN coalesce(t.accepted_ns, 0) = 0 THEN 'learning' ELSE 'accepted' END AS profile
FROM nodes n LEFT JOIN host_types t ON t.name = n.host_type;
