-- works from schema 1
-- tasks
-- Work whose reviewer went away without a word is marked: what the others said may decide it now. Looking for such work passed by all that waits for verdicts.
ALTER TABLE assignments ADD COLUMN to_decide INTEGER NOT NULL DEFAULT 0 CHECK (to_decide IN (0, 1));
CREATE INDEX assignments_to_decide ON assignments (assignment_id) WHERE to_decide = 1;
CREATE VIEW work_to_decide AS
  SELECT assignment_id FROM assignments WHERE to_decide = 1;
-- Once: a program of an older schema marks nothing.
UPDATE assignments SET to_decide = 1 WHERE state = 'submitted' AND kind = 'execute';
