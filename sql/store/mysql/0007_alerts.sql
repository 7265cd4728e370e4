-- Room for what is being built: alerts.

-- How each sink is doing; its cursor is in sink_cursors. failures: in a row, 0 means that it works.
CREATE TABLE IF NOT EXISTS sink_states (
  name VARCHAR(255) NOT NULL PRIMARY KEY,
  sent_count BIGINT UNSIGNED NOT NULL DEFAULT 0,
  failed_count BIGINT UNSIGNED NOT NULL DEFAULT 0,
  skipped_count BIGINT UNSIGNED NOT NULL DEFAULT 0,
  given_up_count BIGINT UNSIGNED NOT NULL DEFAULT 0,
  failures BIGINT UNSIGNED NOT NULL DEFAULT 0,
  why TEXT NOT NULL,
  sent_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  failed_ns BIGINT UNSIGNED NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Changes a receiver refused: put aside so that later ones are not held up. next_ns 0: not tried any more.
CREATE TABLE IF NOT EXISTS sink_parked (
  sink VARCHAR(255) NOT NULL,
  log_id BIGINT UNSIGNED NOT NULL,
  alert_id BIGINT UNSIGNED NOT NULL,
  tries BIGINT UNSIGNED NOT NULL,
  first_ns BIGINT UNSIGNED NOT NULL,
  next_ns BIGINT UNSIGNED NOT NULL,
  why TEXT NOT NULL,
  PRIMARY KEY (sink, log_id),
  KEY sink_parked_next (sink, next_ns)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
