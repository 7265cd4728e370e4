-- Room for what is being built: alerts.

-- How each sink is doing; its cursor is in sink_cursors. failures: in a row, 0 means that it works.
CREATE TABLE sink_states (
  name TEXT NOT NULL PRIMARY KEY,
  sent_count INTEGER NOT NULL DEFAULT 0,
  failed_count INTEGER NOT NULL DEFAULT 0,
  skipped_count INTEGER NOT NULL DEFAULT 0,
  given_up_count INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  why TEXT NOT NULL DEFAULT '',
  sent_ns INTEGER NOT NULL DEFAULT 0,
  failed_ns INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Changes a receiver refused: put aside so that later ones are not held up. next_ns 0: not tried any more.
CREATE TABLE sink_parked (
  sink TEXT NOT NULL,
  log_id INTEGER NOT NULL,
  alert_id INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  first_ns INTEGER NOT NULL,
  next_ns INTEGER NOT NULL,
  why TEXT NOT NULL,
  PRIMARY KEY (sink, log_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sink_parked_next ON sink_parked (sink, next_ns);
