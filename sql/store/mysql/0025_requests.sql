-- What people ask for in the web page. `ajar web` only inserts; a monitor carries it out with its own rights and answers. The number is
-- drawn by who asks.
CREATE TABLE IF NOT EXISTS requests (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  at_ns BIGINT UNSIGNED NOT NULL,
  login VARCHAR(255) NOT NULL,
  login_role VARCHAR(16) NOT NULL,
  verb TINYINT UNSIGNED NOT NULL,
  alerts TEXT NOT NULL,
  reason TEXT NOT NULL,
  ticket VARCHAR(255) NOT NULL,
  until_ns BIGINT UNSIGNED NOT NULL,
  state TINYINT UNSIGNED NOT NULL DEFAULT 1,
  answer TEXT,
  answered_ns BIGINT UNSIGNED NOT NULL DEFAULT 0,
  KEY requests_state (state, at_ns)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
