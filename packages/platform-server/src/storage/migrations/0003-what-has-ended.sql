-- works from schema 1
-- tasks
-- A list of what ended in one way passes by nothing that ended in another.
CREATE INDEX assignments_ended_of_assignee ON assignments (assignee_id, state, assignment_id) WHERE state IN ('passed', 'failed', 'declined', 'expired', 'cancelled');
CREATE INDEX assignments_ended_of_buyer ON assignments (buyer_id, state, assignment_id) WHERE state IN ('passed', 'failed', 'declined', 'expired', 'cancelled');
