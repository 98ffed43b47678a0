-- What happened by whole hours since the epoch. A trace counts in the hour in which it started, with all its calls.
CREATE TABLE hours (
    hour INTEGER PRIMARY KEY,
    traces INTEGER NOT NULL,
    turns INTEGER NOT NULL,
    llm_calls INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    input_known INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    output_known INTEGER NOT NULL,
    cost_nano INTEGER NOT NULL,
    cost_known INTEGER NOT NULL
);
CREATE TABLE user_hours (
    hour INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    traces INTEGER NOT NULL,
    turns INTEGER NOT NULL,
    llm_calls INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    input_known INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    output_known INTEGER NOT NULL,
    cost_nano INTEGER NOT NULL,
    cost_known INTEGER NOT NULL,
    PRIMARY KEY (hour, user_id)
) WITHOUT ROWID;
-- How long traces with a call took, in classes of which each power of two has eight; the first is of a millisecond.
CREATE TABLE latency_hours (
    hour INTEGER NOT NULL,
    latency INTEGER NOT NULL,
    traces INTEGER NOT NULL,
    PRIMARY KEY (hour, latency)
) WITHOUT ROWID;
CREATE TABLE model_hours (
    hour INTEGER NOT NULL,
    model_id INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    cost_nano INTEGER NOT NULL,
    cost_known INTEGER NOT NULL,
    PRIMARY KEY (hour, model_id)
) WITHOUT ROWID;

INSERT INTO hours
SELECT started_us / 3600000000, count(*), sum(turns), sum(llm_calls), sum(errors), sum(input_tokens), sum(input_known),
    sum(output_tokens), sum(output_known), sum(cost_nano), sum(cost_known)
FROM traces GROUP BY 1;

INSERT INTO user_hours
SELECT started_us / 3600000000, user_id, count(*), sum(turns), sum(llm_calls), sum(errors), sum(input_tokens),
    sum(input_known), sum(output_tokens), sum(output_known), sum(cost_nano), sum(cost_known)
FROM traces WHERE user_id IS NOT NULL GROUP BY 1, 2;

INSERT INTO latency_hours
WITH octaves (octave, least) AS (
    SELECT 0, 8 UNION ALL SELECT octave + 1, 2 * least FROM octaves WHERE octave < 40
),
timed (hour, units) AS (
    SELECT started_us / 3600000000, max(duration_us >> 7, 8) FROM traces WHERE duration_us IS NOT NULL AND llm_calls > 0
)
SELECT hour, 8 * octave + (units >> octave) - 8, count(*)
FROM timed JOIN octaves ON units >= least AND units < 2 * least GROUP BY 1, 2;

INSERT INTO model_hours
SELECT t.started_us / 3600000000, m.id, count(*), sum(p.status = 'error'), coalesce(sum(p.cost_nano), 0),
    count(p.cost_nano)
FROM spans p JOIN traces t ON t.id = p.trace_id
    JOIN models m ON m.requested = coalesce(p.request_model, '') AND m.answered = coalesce(p.response_model, '')
WHERE p.is_call AND coalesce(p.request_model, p.response_model) IS NOT NULL GROUP BY 1, 2;
