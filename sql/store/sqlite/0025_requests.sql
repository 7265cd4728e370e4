-- What people ask for in the web page. A monitor carries it out and answers; it takes the rows from the folder where `ajar web` leaves
-- them. The number is drawn by who asks.
CREATE TABLE requests (
  id INTEGER NOT NULL PRIMARY KEY,
  at_ns INTEGER NOT NULL,
  login TEXT NOT NULL,
  login_role TEXT NOT NULL,
  verb INTEGER NOT NULL,
  alerts TEXT NOT NULL,
  reason TEXT NOT NULL,
  ticket TEXT NOT NULL,
  until_ns INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 1,
  answer TEXT,
  answered_ns INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX requests_state ON requests (state, at_ns);
