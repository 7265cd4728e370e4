-- Who wrote a change (1 the monitor, 2 a person: who is that person's login, which may well be "monitor") and why the monitor did
-- (enum alert_cause in core/finding.h; 0: a person did, or it is not known).
ALTER TABLE alert_log ADD COLUMN author INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alert_log ADD COLUMN cause INTEGER NOT NULL DEFAULT 0;
-- What is there already: only a person allows.
UPDATE alert_log SET author = CASE WHEN who = 'monitor' AND state <> 4 THEN 1 ELSE 2 END WHERE author = 0;
UPDATE alert_log SET cause = CASE note WHEN 'opened' THEN 1 WHEN 'reopened' THEN 2 WHEN 'more severe' THEN 3
    WHEN 'reachable from outside' THEN 4 WHEN 'on more nodes' THEN 5 WHEN 'on many more nodes' THEN 6
    WHEN 'on more ports' THEN 7 WHEN 'the snooze is over' THEN 8 WHEN 'the maintenance is over' THEN 9
    WHEN 'also outside of the maintenance' THEN 10 WHEN 'door gone' THEN 12 WHEN 'as profiled now' THEN 13 ELSE 0 END
  WHERE author = 1;
