-- How the verdict on a door changed while it stood open: by another profile, or as its socket listened anew. The verdict at a time is
-- `was` of the first row behind that time, and that of `doors` where there is none: so the past stays as it was judged.
CREATE TABLE IF NOT EXISTS verdict_changes (
  node_id BIGINT UNSIGNED NOT NULL,
  boot_seq BIGINT UNSIGNED NOT NULL,
  netns_cookie BIGINT UNSIGNED NOT NULL,
  cookie BIGINT UNSIGNED NOT NULL,
  at_ns BIGINT UNSIGNED NOT NULL,
  was INT UNSIGNED NOT NULL,
  verdict INT UNSIGNED NOT NULL,
  rule_id BIGINT UNSIGNED NOT NULL DEFAULT 0,
  author VARCHAR(255) NOT NULL DEFAULT '',
  made_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (node_id, boot_seq, netns_cookie, cookie, at_ns),
  KEY verdict_changes_at (at_ns)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Of doors that were opened before, changes are not known: their verdicts of then are those of now. 0: there are none.
INSERT IGNORE INTO settings (name, value)
SELECT 'verdicts-since', CASE WHEN EXISTS (SELECT 1 FROM doors) THEN concat(unix_timestamp(), '000000000') ELSE '0' END;
-- The verdict of then.
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
  CASE coalesce((SELECT c.was FROM verdict_changes c WHERE c.node_id = e.node_id AND c.boot_seq = e.boot_seq
      AND c.netns_cookie = e.netns_cookie AND c.cookie = e.cookie AND c.at_ns > e.happened_ns ORDER BY c.at_ns LIMIT 1),
    d.verdict) WHEN 1 THEN 'learning' WHEN 2 THEN 'as profiled' WHEN 3 THEN 'unexpected' WHEN 4 THEN 'impostor'
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
