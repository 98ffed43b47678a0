-- Calls that are free get the cost 0, as the writer stores it from this version on.
CREATE TEMP TABLE free AS
SELECT id FROM spans
WHERE is_call AND cost_nano IS NULL AND (
    operation = 'retrieve_response' AND input_tokens IS NULL AND output_tokens IS NULL
    OR operation = 'moderation' AND provider = 'openai'
        AND substr(coalesce(response_model, request_model, 'omni-moderation'), 1, 15)
            IN ('omni-moderation', 'text-moderation')
);
UPDATE spans SET cost_nano = 0 WHERE id IN (SELECT id FROM free);
UPDATE model_hours SET cost_known = cost_known + found.calls
FROM (
    SELECT t.started_us / 3600000000 AS hour, m.id AS model_id, count(*) AS calls
    FROM free JOIN spans p ON p.id = free.id JOIN traces t ON t.id = p.trace_id
        JOIN models m ON m.requested = coalesce(p.request_model, '') AND m.answered = coalesce(p.response_model, '')
    WHERE coalesce(p.request_model, p.response_model) IS NOT NULL GROUP BY 1, 2
) found
WHERE found.hour = model_hours.hour AND found.model_id = model_hours.model_id;
DROP TABLE free;

-- Calls of every kind are counted by whether their cost is known; `cost_known` counted LLM calls only.
ALTER TABLE users ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE traces ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hours ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE user_hours ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0;

UPDATE traces SET cost_known = found.cost_known, unpriced = found.unpriced
FROM (
    SELECT trace_id, count(cost_nano) AS cost_known, sum(is_call AND cost_nano IS NULL) AS unpriced
    FROM spans GROUP BY trace_id
) found
WHERE found.trace_id = traces.id AND (traces.cost_known <> found.cost_known OR found.unpriced > 0);

UPDATE sessions SET cost_known = found.cost_known, unpriced = found.unpriced
FROM (
    SELECT session_id, sum(cost_known) AS cost_known, sum(unpriced) AS unpriced FROM traces GROUP BY session_id
) found
WHERE found.session_id = sessions.id AND (sessions.cost_known <> found.cost_known OR found.unpriced > 0);

UPDATE users SET cost_known = found.cost_known, unpriced = found.unpriced
FROM (SELECT user_id, sum(cost_known) AS cost_known, sum(unpriced) AS unpriced FROM traces GROUP BY user_id) found
WHERE found.user_id = users.id AND (users.cost_known <> found.cost_known OR found.unpriced > 0);

UPDATE hours SET cost_known = found.cost_known, unpriced = found.unpriced
FROM (
    SELECT started_us / 3600000000 AS hour, sum(cost_known) AS cost_known, sum(unpriced) AS unpriced
    FROM traces GROUP BY 1
) found
WHERE found.hour = hours.hour AND (hours.cost_known <> found.cost_known OR found.unpriced > 0);

UPDATE user_hours SET cost_known = found.cost_known, unpriced = found.unpriced
FROM (
    SELECT started_us / 3600000000 AS hour, user_id, sum(cost_known) AS cost_known, sum(unpriced) AS unpriced
    FROM traces WHERE user_id IS NOT NULL GROUP BY 1, 2
) found
WHERE found.hour = user_hours.hour AND found.user_id = user_hours.user_id
    AND (user_hours.cost_known <> found.cost_known OR found.unpriced > 0);
