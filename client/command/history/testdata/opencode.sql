-- The tables of opencode 1.18 that history reads, and one session with a sub-agent's.
CREATE TABLE session (
  id text PRIMARY KEY, project_id text NOT NULL, parent_id text, slug text NOT NULL,
  directory text NOT NULL, title text NOT NULL, version text NOT NULL,
  time_created integer NOT NULL, time_updated integer NOT NULL, time_archived integer
);
CREATE TABLE message (
  id text PRIMARY KEY,
  session_id text NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  time_created integer NOT NULL, time_updated integer NOT NULL, data text NOT NULL
);
CREATE TABLE part (
  id text PRIMARY KEY,
  message_id text NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  session_id text NOT NULL,
  time_created integer NOT NULL, time_updated integer NOT NULL, data text NOT NULL
);
INSERT INTO session VALUES
  ('ses_one', 'global', NULL, 'calm-wizard', '/home/alice/my pro_j.ect-a', 'A greeting', '1.18.33', 1769889939091, 1769889941350, NULL),
  ('ses_two', 'global', NULL, 'mild-river', '/home/alice/other', 'Another', '1.18.33', 1769889950000, 1769889960000, NULL),
  ('ses_sub', 'global', 'ses_one', 'low-hill', '/home/alice/my pro_j.ect-a', 'A sub-agent', '1.18.33', 1769889940000, 1769889970000, NULL),
  ('ses_put', 'global', NULL, 'old-boat', '/home/alice/my pro_j.ect-a', 'Put away', '1.18.33', 1769889940000, 1769889980000, 1769889990000);
INSERT INTO message VALUES
  ('msg_1', 'ses_one', 1769889939191, 1769889940327, '{"role":"user","time":{"created":1769889939191},"agent":"build"}'),
  ('msg_2', 'ses_one', 1769889940045, 1769889941315, '{"parentID":"msg_1","role":"assistant","mode":"build","finish":"stop"}'),
  ('msg_3', 'ses_one', 1769889940046, 1769889941316, '{"role":"assist');
INSERT INTO part VALUES
  ('prt_1', 'msg_1', 'ses_one', 1, 1, '{"type":"text","text":"Opencode hello"}'),
  ('prt_3', 'msg_2', 'ses_one', 3, 3, '{"type":"text","text":"Hello from the stub."}'),
  ('prt_2', 'msg_2', 'ses_one', 2, 2, '{"type":"step-start"}'),
  ('prt_4', 'msg_2', 'ses_one', 4, 4, 'no json');
