-- What tells findings of one kind on one port apart ("key", "version", a program's name): it was read out of the alert's key, where it
-- is escaped; one that needed that is left empty until its alert is written anew.
ALTER TABLE alerts ADD COLUMN subject VARCHAR(1024) NOT NULL DEFAULT '';
ALTER TABLE alert_log ADD COLUMN subject VARCHAR(1024) NOT NULL DEFAULT '';
UPDATE alerts SET subject = substring_index(substring_index(alert_key, ' what:', -1), ' class:', 1)
  WHERE alert_key REGEXP ' what:[^ %]+ class:';
UPDATE alert_log l JOIN alerts a ON a.id = l.alert_id SET l.subject = a.subject WHERE a.subject <> '';
