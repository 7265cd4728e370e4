-- Which notifier or monitor carries a sink's changes, and until when: of several on one store, one. See user/store/sinks.h.
ALTER TABLE sink_states ADD COLUMN holder TEXT NOT NULL DEFAULT '';
ALTER TABLE sink_states ADD COLUMN lease_ns INTEGER NOT NULL DEFAULT 0;
