-- works from schema 1
-- discovery
-- postgres
-- Transactions run side by side and do not see each other's rows: one that makes a candidate out of what an agent offers and holds missed what another
-- changed of that meanwhile, and the other found no candidate to change. So whoever changes what an agent's candidates are made of does it in turn,
-- until its commit. The row of the agent is the turn: whoever gives it work has that already.
CREATE OR REPLACE FUNCTION keep_offers() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM 1 FROM agents WHERE agent_id = NEW.agent_id FOR NO KEY UPDATE;
    INSERT INTO candidates (agent_id, capability, max_concurrency, price_micro, demerit_bps, load)
      SELECT o.agent_id, o.capability, o.max_concurrency, o.price_micro, o.demerit_bps, o.load
      FROM presence p JOIN ranked_offers o ON o.agent_id = p.agent_id WHERE p.agent_id = NEW.agent_id AND o.capability = NEW.name
      ON CONFLICT DO NOTHING;
  ELSE
    PERFORM 1 FROM agents WHERE agent_id = OLD.agent_id FOR NO KEY UPDATE;
    DELETE FROM candidates WHERE agent_id = OLD.agent_id AND capability = OLD.name;
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION keep_present() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM 1 FROM agents WHERE agent_id = NEW.agent_id FOR NO KEY UPDATE;
    INSERT INTO candidates (agent_id, capability, max_concurrency, price_micro, demerit_bps, load)
      SELECT o.agent_id, o.capability, o.max_concurrency, o.price_micro, o.demerit_bps, o.load
      FROM ranked_offers o WHERE o.agent_id = NEW.agent_id ON CONFLICT DO NOTHING;
  ELSE
    PERFORM 1 FROM agents WHERE agent_id = OLD.agent_id FOR NO KEY UPDATE;
    DELETE FROM candidates WHERE agent_id = OLD.agent_id;
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION keep_demerit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM 1 FROM agents WHERE agent_id = NEW.agent_id FOR NO KEY UPDATE;
  UPDATE candidates SET demerit_bps = 10000 - (NEW.passed + 1) * 10000 / (NEW.passed + NEW.failed + 2) WHERE agent_id = NEW.agent_id;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION keep_load() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM 1 FROM agents WHERE agent_id = NEW.assignee_id FOR NO KEY UPDATE;
  UPDATE candidates SET load = load + CASE WHEN NEW.state IN ('assigned', 'working') THEN 1 ELSE -1 END
    WHERE agent_id = NEW.assignee_id AND capability = NEW.capability;
  RETURN NULL;
END $$;
-- What was missed before.
LOCK TABLE capabilities, presence, reputation, assignments IN SHARE ROW EXCLUSIVE MODE;
DELETE FROM candidates;
INSERT INTO candidates (agent_id, capability, max_concurrency, price_micro, demerit_bps, load)
  SELECT o.agent_id, o.capability, o.max_concurrency, o.price_micro, o.demerit_bps, o.load
  FROM presence p JOIN ranked_offers o ON o.agent_id = p.agent_id;
-- both
