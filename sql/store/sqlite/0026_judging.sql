-- Judging is per boot: what cannot be read is counted (refused, once a record: refused_seq), and so is a boot that cannot be judged.
ALTER TABLE journals ADD COLUMN refused_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE journals ADD COLUMN failed_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE journals ADD COLUMN failed_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE journals ADD COLUMN failed_why TEXT NOT NULL DEFAULT '';
ALTER TABLE nodes ADD COLUMN refused_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN refused_ns INTEGER NOT NULL DEFAULT 0;
