-- What tells findings of one kind on one port apart ("key", "version", a program's name): it was read out of the alert's key, where it
-- is escaped; one that needed that is left empty until its alert is written anew.
ALTER TABLE alerts ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE alert_log ADD COLUMN subject TEXT NOT NULL DEFAULT '';
UPDATE alerts SET subject = substr(alert_key, instr(alert_key, ' what:') + 6,
    instr(alert_key, ' class:') - instr(alert_key, ' what:') - 6)
  WHERE instr(alert_key, ' what:') > 0 AND instr(alert_key, ' class:') > instr(alert_key, ' what:')
    AND instr(substr(alert_key, instr(alert_key, ' what:'), instr(alert_key, ' class:') - instr(alert_key, ' what:')), '%') = 0;
UPDATE alert_log SET subject = (SELECT a.subject FROM alerts a WHERE a.id = alert_log.alert_id)
  WHERE alert_id IN (SELECT id FROM alerts WHERE subject <> '');
