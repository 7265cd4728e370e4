-- What scans saw change, for the timeline: kept longer than the scans. newest: how the port stands; ports that were never seen open have no row.
CREATE TABLE IF NOT EXISTS scan_changes (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  at_ns BIGINT UNSIGNED NOT NULL,
  scan_id BIGINT UNSIGNED NOT NULL,
  node_id BIGINT UNSIGNED NOT NULL,
  addr VARCHAR(64) NOT NULL,
  proto INT UNSIGNED NOT NULL,
  port INT UNSIGNED NOT NULL,
  was VARCHAR(24) NOT NULL DEFAULT '',
  state VARCHAR(24) NOT NULL,
  service_was VARCHAR(600) NOT NULL DEFAULT '',
  service VARCHAR(600) NOT NULL DEFAULT '',
  scanner VARCHAR(255) NOT NULL DEFAULT '',
  newest INT UNSIGNED NOT NULL DEFAULT 1,
  KEY scan_changes_at (at_ns, id),
  KEY scan_changes_node (node_id, at_ns, id),
  KEY scan_changes_newest (node_id, newest, addr)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Numbers of scan_changes are drawn one transaction after the other.
INSERT IGNORE INTO settings (name, value) VALUES ('scan_change_lock', '0');
