-- Tables by owner. Times are integer milliseconds UTC, money is integer micro-credits, keys and signatures are raw bytes.

-- storage
CREATE TABLE installation (
  instance_id BLOB NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;
-- One row: every id is as long as the first one. Processes that start at once agree on it.
CREATE UNIQUE INDEX installation_only ON installation (length(instance_id));

-- idempotency
CREATE TABLE idempotency (
  caller_id TEXT NOT NULL,
  procedure TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  reply TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (caller_id, procedure, idempotency_key)
) STRICT;
CREATE INDEX idempotency_by_age ON idempotency (at_ms);

-- identity
CREATE TABLE agents (
  agent_id TEXT PRIMARY KEY,
  status TEXT NOT NULL CHECK (status IN ('active', 'pending', 'suspended', 'deregistered')),
  trust_tier INTEGER NOT NULL CHECK (trust_tier BETWEEN 1 AND 3),
  sign_key BLOB NOT NULL,
  card_seq INTEGER NOT NULL,
  card_bytes BLOB NOT NULL,
  card_signature BLOB NOT NULL,
  registered_at_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE prekeys (
  agent_id TEXT PRIMARY KEY REFERENCES agents (agent_id),
  prekey BLOB NOT NULL,
  issued_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  signature BLOB NOT NULL
) STRICT;
CREATE INDEX prekeys_by_expiry ON prekeys (expires_at_ms);
CREATE TABLE login_sessions (
  token_hash BLOB PRIMARY KEY,
  agent_id TEXT NOT NULL REFERENCES agents (agent_id),
  expires_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX login_sessions_by_agent ON login_sessions (agent_id, expires_at_ms);
CREATE INDEX login_sessions_by_expiry ON login_sessions (expires_at_ms);
CREATE TABLE login_nonces (
  agent_id TEXT NOT NULL,
  nonce BLOB NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  PRIMARY KEY (agent_id, nonce)
) STRICT;
CREATE INDEX login_nonces_by_expiry ON login_nonces (expires_at_ms);
CREATE TABLE invites (
  invite_id TEXT PRIMARY KEY,
  token_hash BLOB NOT NULL UNIQUE,
  operator_id TEXT NOT NULL REFERENCES agents (agent_id),
  uses INTEGER NOT NULL,
  uses_left INTEGER NOT NULL CHECK (uses_left BETWEEN 0 AND uses),
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  revoked_at_ms INTEGER
) STRICT;
CREATE INDEX invites_by_expiry ON invites (expires_at_ms);
CREATE TABLE rotations (
  agent_id TEXT NOT NULL REFERENCES agents (agent_id),
  card_seq INTEGER NOT NULL,
  card_bytes BLOB NOT NULL,
  card_signature BLOB NOT NULL,
  previous_card_bytes BLOB NOT NULL,
  previous_card_signature BLOB NOT NULL,
  endorsement BLOB NOT NULL,
  recovery_key BLOB,
  PRIMARY KEY (agent_id, card_seq)
) STRICT;

-- registry
CREATE TABLE capabilities (
  agent_id TEXT NOT NULL REFERENCES agents (agent_id),
  name TEXT NOT NULL,
  max_concurrency INTEGER NOT NULL CHECK (max_concurrency >= 1),
  price_micro INTEGER CHECK (price_micro > 0),
  PRIMARY KEY (agent_id, name)
) STRICT;

-- heartbeat
CREATE TABLE presence (
  agent_id TEXT PRIMARY KEY,
  last_beat_at_ms INTEGER NOT NULL,
  interval_ms INTEGER NOT NULL,
  busy INTEGER NOT NULL CHECK (busy IN (0, 1))
) STRICT;
-- postgres
-- Rewritten with every beat and worth nothing after a crash: not in the write-ahead log.
ALTER TABLE presence SET UNLOGGED;
-- both

-- tasks
CREATE TABLE tasks (
  task_id TEXT PRIMARY KEY,
  buyer_id TEXT NOT NULL REFERENCES agents (agent_id),
  state TEXT NOT NULL CHECK (state IN ('open', 'completed', 'cancelled')),
  review_rule TEXT NOT NULL CHECK (review_rule IN ('unanimous', 'majority')),
  buyer_may_review INTEGER NOT NULL CHECK (buyer_may_review IN (0, 1)),
  created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX tasks_by_buyer ON tasks (buyer_id, task_id);
CREATE TABLE task_sessions (
  session_id TEXT PRIMARY KEY,
  task_id TEXT NOT NULL REFERENCES tasks (task_id),
  state TEXT NOT NULL CHECK (state IN ('running', 'closed'))
) STRICT;
CREATE INDEX task_sessions_by_task ON task_sessions (task_id, session_id);
CREATE TABLE participants (
  task_id TEXT NOT NULL REFERENCES tasks (task_id),
  agent_id TEXT NOT NULL REFERENCES agents (agent_id),
  removed_at_ms INTEGER,
  PRIMARY KEY (task_id, agent_id)
) STRICT;
CREATE TABLE assignments (
  assignment_id TEXT PRIMARY KEY,
  task_id TEXT NOT NULL REFERENCES tasks (task_id),
  session_id TEXT NOT NULL REFERENCES task_sessions (session_id),
  kind TEXT NOT NULL CHECK (kind IN ('execute', 'review')),
  state TEXT NOT NULL CHECK (state IN ('offered', 'assigned', 'working', 'submitted', 'passed', 'failed', 'declined', 'expired', 'cancelled')),
  buyer_id TEXT NOT NULL REFERENCES agents (agent_id),
  assignee_id TEXT REFERENCES agents (agent_id),
  target_assignment_id TEXT REFERENCES assignments (assignment_id),
  capability TEXT,
  min_reputation_bps INTEGER CHECK (min_reputation_bps BETWEEN 0 AND 10000),
  price_micro INTEGER NOT NULL CHECK (price_micro >= 0),
  funded INTEGER NOT NULL CHECK (funded IN (0, 1)),
  fee_bps INTEGER NOT NULL CHECK (fee_bps BETWEEN 0 AND 10000),
  review_rule TEXT NOT NULL,
  buyer_may_review INTEGER NOT NULL CHECK (buyer_may_review IN (0, 1)),
  attempt INTEGER NOT NULL CHECK (attempt BETWEEN 1 AND max_attempts),
  max_attempts INTEGER NOT NULL,
  lease_epoch INTEGER NOT NULL,
  lease_ms INTEGER NOT NULL,
  lease_expires_at_ms INTEGER,
  accept_by_ms INTEGER NOT NULL,
  review_within_ms INTEGER NOT NULL,
  review_by_ms INTEGER,
  has_spoken INTEGER NOT NULL CHECK (has_spoken IN (0, 1)),
  CHECK (assignee_id IS NOT NULL OR (capability IS NOT NULL AND state IN ('offered', 'expired', 'cancelled')))
) STRICT;
CREATE INDEX assignments_by_assignee ON assignments (assignee_id, assignment_id);
CREATE INDEX assignments_by_buyer ON assignments (buyer_id, assignment_id);
CREATE INDEX assignments_by_task ON assignments (task_id, assignment_id);
CREATE INDEX assignments_by_target ON assignments (target_assignment_id) WHERE target_assignment_id IS NOT NULL;
CREATE INDEX assignments_load ON assignments (assignee_id, capability) WHERE state IN ('assigned', 'working');
CREATE INDEX assignments_offered ON assignments (capability, assignment_id) WHERE state = 'offered';
CREATE INDEX assignments_to_accept ON assignments (accept_by_ms, assignment_id) WHERE state IN ('offered', 'assigned');
CREATE INDEX assignments_leased ON assignments (lease_expires_at_ms, assignment_id) WHERE state = 'working' AND lease_expires_at_ms IS NOT NULL;
CREATE INDEX assignments_to_review ON assignments (review_by_ms, assignment_id) WHERE state = 'submitted' AND kind = 'execute';
CREATE TABLE buyer_loads (
  buyer_id TEXT PRIMARY KEY REFERENCES agents (agent_id),
  open_assignments INTEGER NOT NULL CHECK (open_assignments >= 0)
) STRICT;
CREATE TABLE reputation (
  agent_id TEXT PRIMARY KEY REFERENCES agents (agent_id),
  passed INTEGER NOT NULL,
  failed INTEGER NOT NULL
) STRICT;

-- review
CREATE TABLE verdicts (
  verdict_id TEXT PRIMARY KEY,
  review_assignment_id TEXT NOT NULL REFERENCES assignments (assignment_id),
  target_assignment_id TEXT NOT NULL REFERENCES assignments (assignment_id),
  attempt INTEGER NOT NULL,
  reviewer_id TEXT NOT NULL REFERENCES agents (agent_id),
  outcome TEXT NOT NULL CHECK (outcome IN ('passed', 'failed', 'invalid_format', 'content_unavailable', 'content_mismatch', 'inconclusive')),
  score_bps INTEGER NOT NULL CHECK (score_bps BETWEEN 0 AND 10000),
  issued_at_ms INTEGER NOT NULL,
  signature BLOB NOT NULL,
  at_ms INTEGER NOT NULL,
  UNIQUE (review_assignment_id, attempt)
) STRICT;
CREATE INDEX verdicts_by_target ON verdicts (target_assignment_id, attempt);

-- settlement
CREATE TABLE accounts (
  account TEXT PRIMARY KEY,
  balance_micro INTEGER NOT NULL CHECK (balance_micro >= 0 OR account = 'external')
) STRICT;
CREATE TABLE holds (
  hold_id TEXT PRIMARY KEY,
  assignment_id TEXT NOT NULL REFERENCES assignments (assignment_id),
  payer_id TEXT NOT NULL REFERENCES agents (agent_id),
  payee_id TEXT REFERENCES agents (agent_id),
  amount_micro INTEGER NOT NULL CHECK (amount_micro > 0),
  fee_bps INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'captured', 'released')),
  made_at_ms INTEGER NOT NULL,
  CHECK (payee_id IS NOT NULL OR state <> 'captured')
) STRICT;
CREATE UNIQUE INDEX holds_active ON holds (assignment_id) WHERE state = 'active';
CREATE INDEX holds_by_assignment ON holds (assignment_id, hold_id);
CREATE INDEX holds_by_payer ON holds (payer_id, hold_id);
CREATE INDEX holds_by_payee ON holds (payee_id, hold_id);
CREATE TABLE ledger_heads (
  chain TEXT PRIMARY KEY,
  seq INTEGER NOT NULL CHECK (seq >= 1),
  hash BLOB NOT NULL
) STRICT;
CREATE TABLE ledger_entries (
  entry_id TEXT PRIMARY KEY,
  chain TEXT NOT NULL,
  seq INTEGER NOT NULL CHECK (seq >= 1),
  previous_hash BLOB NOT NULL,
  hash BLOB NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('deposit', 'hold', 'capture', 'release', 'refund', 'withdraw')),
  hold_id TEXT REFERENCES holds (hold_id),
  settles TEXT UNIQUE REFERENCES holds (hold_id),
  assignment_id TEXT,
  actor TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  UNIQUE (chain, seq),
  CHECK ((settles IS NOT NULL) = (kind IN ('capture', 'release')))
) STRICT;
CREATE TABLE ledger_postings (
  entry_id TEXT NOT NULL REFERENCES ledger_entries (entry_id),
  position INTEGER NOT NULL,
  from_account TEXT NOT NULL,
  to_account TEXT NOT NULL,
  amount_micro INTEGER NOT NULL CHECK (amount_micro > 0),
  PRIMARY KEY (entry_id, position)
) STRICT;
CREATE TABLE ledger_parties (
  agent_id TEXT NOT NULL,
  entry_id TEXT NOT NULL REFERENCES ledger_entries (entry_id),
  PRIMARY KEY (agent_id, entry_id)
) STRICT;
-- sqlite
CREATE TRIGGER ledger_entries_stay BEFORE UPDATE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_entries_remain BEFORE DELETE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_postings_stay BEFORE UPDATE ON ledger_postings BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_postings_remain BEFORE DELETE ON ledger_postings BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
-- postgres
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE TRIGGER ledger_entries_stay BEFORE UPDATE OR DELETE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entries_remain BEFORE TRUNCATE ON ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_postings_stay BEFORE UPDATE OR DELETE ON ledger_postings FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_postings_remain BEFORE TRUNCATE ON ledger_postings FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- both

-- events
CREATE TABLE event_counters (
  agent_id TEXT PRIMARY KEY,
  last_seq INTEGER NOT NULL
) STRICT;
CREATE TABLE events (
  agent_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  task_id TEXT,
  assignment_id TEXT,
  target_assignment_id TEXT,
  hold_id TEXT,
  entry_id TEXT,
  verdict_id TEXT,
  subject_agent_id TEXT,
  amount_micro INTEGER,
  PRIMARY KEY (agent_id, seq)
) STRICT;
CREATE INDEX events_by_age ON events (at_ms);

-- relay-tokens
CREATE TABLE relay_token_keys (
  epoch INTEGER NOT NULL,
  class TEXT NOT NULL CHECK (class IN ('message', 'part')),
  modulus BLOB NOT NULL,
  sealed_private_key BLOB NOT NULL,
  PRIMARY KEY (epoch, class)
) STRICT;
CREATE TABLE relay_token_draws (
  agent_id TEXT NOT NULL REFERENCES agents (agent_id),
  epoch INTEGER NOT NULL,
  class TEXT NOT NULL CHECK (class IN ('message', 'part')),
  drawn INTEGER NOT NULL CHECK (drawn > 0),
  PRIMARY KEY (agent_id, epoch, class)
) STRICT;
CREATE INDEX relay_token_draws_by_epoch ON relay_token_draws (epoch);

-- Views: what a slice lets others read of its tables.
CREATE VIEW agent_contacts AS
  SELECT a.agent_id, a.status, a.card_bytes, a.card_signature,
         p.prekey, p.issued_at_ms AS prekey_issued_at_ms, p.expires_at_ms AS prekey_expires_at_ms, p.signature AS prekey_signature
  FROM agents a LEFT JOIN prekeys p ON p.agent_id = a.agent_id;
CREATE VIEW agent_offers AS
  SELECT c.agent_id, c.name AS capability, c.max_concurrency, c.price_micro
  FROM capabilities c;
CREATE VIEW agent_presence AS
  SELECT agent_id, busy, last_beat_at_ms + interval_ms * CASE busy WHEN 1 THEN 3 ELSE 9 END AS alive_until_ms
  FROM presence;
CREATE VIEW open_duties AS
  SELECT assignee_id, capability FROM assignments WHERE state IN ('assigned', 'working');
CREATE VIEW agent_reputation AS
  SELECT agent_id, passed, failed FROM reputation;
CREATE VIEW counterparties AS
  SELECT assignee_id AS agent_id, buyer_id AS counterparty_id FROM assignments WHERE state IN ('assigned', 'working', 'submitted')
  UNION
  SELECT buyer_id, assignee_id FROM assignments WHERE state IN ('assigned', 'working', 'submitted') AND assignee_id IS NOT NULL
;
CREATE VIEW submitted_work AS
  SELECT assignment_id, attempt, review_by_ms FROM assignments WHERE state = 'submitted' AND kind = 'execute';
CREATE VIEW pending_reviews AS
  SELECT target_assignment_id FROM assignments WHERE kind = 'review' AND state IN ('offered', 'assigned', 'working');
CREATE VIEW ranked_offers AS
  SELECT c.name AS capability, c.agent_id, c.max_concurrency, coalesce(c.price_micro, 0) AS price_micro,
         10000 - coalesce((r.passed + 1) * 10000 / (r.passed + r.failed + 2), 5000) AS demerit_bps,
         (SELECT count(*) FROM assignments a
          WHERE a.assignee_id = c.agent_id AND a.capability = c.name AND a.state IN ('assigned', 'working')) AS load
  FROM capabilities c LEFT JOIN reputation r ON r.agent_id = c.agent_id;

-- discovery
-- The offers of agents that are there, in the order of discovery, so that a page costs the same whoever else offers the same.
-- Nobody writes it: triggers keep it equal to ranked_offers of the agents in presence.
CREATE TABLE candidates (
  agent_id TEXT NOT NULL,
  capability TEXT NOT NULL,
  max_concurrency INTEGER NOT NULL,
  price_micro INTEGER NOT NULL,
  demerit_bps INTEGER NOT NULL,
  load INTEGER NOT NULL,
  PRIMARY KEY (agent_id, capability)
) STRICT;
CREATE INDEX candidates_in_order ON candidates (capability, demerit_bps, price_micro, load, agent_id);
-- sqlite
CREATE TRIGGER candidates_offer AFTER INSERT ON capabilities BEGIN
  INSERT INTO candidates (agent_id, capability, max_concurrency, price_micro, demerit_bps, load)
    SELECT o.agent_id, o.capability, o.max_concurrency, o.price_micro, o.demerit_bps, o.load
    FROM presence p JOIN ranked_offers o ON o.agent_id = p.agent_id WHERE p.agent_id = NEW.agent_id AND o.capability = NEW.name
    ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER candidates_withdraw AFTER DELETE ON capabilities BEGIN
  DELETE FROM candidates WHERE agent_id = OLD.agent_id AND capability = OLD.name;
END;
CREATE TRIGGER candidates_appear AFTER INSERT ON presence BEGIN
  INSERT INTO candidates (agent_id, capability, max_concurrency, price_micro, demerit_bps, load)
    SELECT o.agent_id, o.capability, o.max_concurrency, o.price_micro, o.demerit_bps, o.load
    FROM ranked_offers o WHERE o.agent_id = NEW.agent_id ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER candidates_leave AFTER DELETE ON presence BEGIN
  DELETE FROM candidates WHERE agent_id = OLD.agent_id;
END;
CREATE TRIGGER candidates_first_outcome AFTER INSERT ON reputation BEGIN
  UPDATE candidates SET demerit_bps = 10000 - (NEW.passed + 1) * 10000 / (NEW.passed + NEW.failed + 2) WHERE agent_id = NEW.agent_id;
END;
CREATE TRIGGER candidates_outcome AFTER UPDATE ON reputation BEGIN
  UPDATE candidates SET demerit_bps = 10000 - (NEW.passed + 1) * 10000 / (NEW.passed + NEW.failed + 2) WHERE agent_id = NEW.agent_id;
END;
CREATE TRIGGER candidates_hired AFTER INSERT ON assignments WHEN NEW.state IN ('assigned', 'working') BEGIN
  UPDATE candidates SET load = load + 1 WHERE agent_id = NEW.assignee_id AND capability = NEW.capability;
END;
CREATE TRIGGER candidates_moved AFTER UPDATE OF state ON assignments
  WHEN (NEW.state IN ('assigned', 'working')) <> (OLD.state IN ('assigned', 'working')) BEGIN
  UPDATE candidates SET load = load + CASE WHEN NEW.state IN ('assigned', 'working') THEN 1 ELSE -1 END
    WHERE agent_id = NEW.assignee_id AND capability = NEW.capability;
END;
-- postgres
CREATE FUNCTION keep_offers() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO candidates (agent_id, capability, max_concurrency, price_micro, demerit_bps, load)
      SELECT o.agent_id, o.capability, o.max_concurrency, o.price_micro, o.demerit_bps, o.load
      FROM presence p JOIN ranked_offers o ON o.agent_id = p.agent_id WHERE p.agent_id = NEW.agent_id AND o.capability = NEW.name
      ON CONFLICT DO NOTHING;
  ELSE
    DELETE FROM candidates WHERE agent_id = OLD.agent_id AND capability = OLD.name;
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION keep_present() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO candidates (agent_id, capability, max_concurrency, price_micro, demerit_bps, load)
      SELECT o.agent_id, o.capability, o.max_concurrency, o.price_micro, o.demerit_bps, o.load
      FROM ranked_offers o WHERE o.agent_id = NEW.agent_id ON CONFLICT DO NOTHING;
  ELSE
    DELETE FROM candidates WHERE agent_id = OLD.agent_id;
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION keep_demerit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE candidates SET demerit_bps = 10000 - (NEW.passed + 1) * 10000 / (NEW.passed + NEW.failed + 2) WHERE agent_id = NEW.agent_id;
  RETURN NULL;
END $$;
CREATE FUNCTION keep_load() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE candidates SET load = load + CASE WHEN NEW.state IN ('assigned', 'working') THEN 1 ELSE -1 END
    WHERE agent_id = NEW.assignee_id AND capability = NEW.capability;
  RETURN NULL;
END $$;
CREATE TRIGGER candidates_offer AFTER INSERT OR DELETE ON capabilities FOR EACH ROW EXECUTE FUNCTION keep_offers();
CREATE TRIGGER candidates_present AFTER INSERT OR DELETE ON presence FOR EACH ROW EXECUTE FUNCTION keep_present();
CREATE TRIGGER candidates_outcome AFTER INSERT OR UPDATE ON reputation FOR EACH ROW EXECUTE FUNCTION keep_demerit();
CREATE TRIGGER candidates_hired AFTER INSERT ON assignments FOR EACH ROW
  WHEN (NEW.state IN ('assigned', 'working')) EXECUTE FUNCTION keep_load();
CREATE TRIGGER candidates_moved AFTER UPDATE OF state ON assignments FOR EACH ROW
  WHEN ((NEW.state IN ('assigned', 'working')) <> (OLD.state IN ('assigned', 'working'))) EXECUTE FUNCTION keep_load();
-- both
