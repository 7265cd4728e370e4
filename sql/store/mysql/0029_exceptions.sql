-- An exception is for nodes, a folded node set, and never for a whole class. One of before is for the nodes that its alert was allowed for;
-- where that is not known (the alert was opened again since, or is gone) it is for none, and the finding alerts again.
ALTER TABLE exceptions ADD COLUMN nodes MEDIUMTEXT NOT NULL;
UPDATE exceptions e SET e.nodes = coalesce((SELECT a.nodes FROM alerts a WHERE a.alert_hash = e.alert_hash AND a.state = 4), '');
UPDATE settings SET value = CAST(CAST(value AS UNSIGNED) + 1 AS CHAR) WHERE name = 'triage_revision';
