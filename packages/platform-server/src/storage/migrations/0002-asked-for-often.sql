-- tasks
-- What an agent has open is asked for all the time, and there is little of it however much it has done before.
CREATE INDEX assignments_open_of_assignee ON assignments (assignee_id, assignment_id) WHERE state IN ('offered', 'assigned', 'working', 'submitted');
CREATE INDEX assignments_open_of_buyer ON assignments (buyer_id, assignment_id) WHERE state IN ('offered', 'assigned', 'working', 'submitted');

-- events
-- Every beat asks which assignments were cancelled since the cursor; without this it passes by every event since then.
CREATE INDEX events_cancelled ON events (agent_id, seq) WHERE kind = 'assignment.cancelled';
