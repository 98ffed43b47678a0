-- The schema of a store of the newest version. Times: microseconds since the epoch, UTC. Money: nano-dollars.
-- Row ids are assigned by the writer; public ids are in the columns identifier, trace and span.
--
-- Roll-ups are sums that can be added to and subtracted from; `x_known` counts the calls whose x is known, so that
-- unknown can be told from zero; `unpriced` counts the calls whose cost is not. Both count calls of every kind, while
-- `llm_calls` counts those of kind llm. The columns from turns to feedback_positive are the same in all three tables.
-- Columns that a migration added come last, where ALTER TABLE puts them.

CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    identifier TEXT NOT NULL UNIQUE,
    first_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL,
    sessions INTEGER NOT NULL,
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
    feedback_count INTEGER NOT NULL,
    feedback_sum INTEGER NOT NULL,
    feedback_negative INTEGER NOT NULL,
    feedback_positive INTEGER NOT NULL,
    unpriced INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX users_by_last ON users (last_us);

-- opened_us and closed_us are the latest start and end: the later of them says whether the session has ended.
-- event_first_us and event_last_us span the events of the session itself; both NULL if only traces named it.
-- direct_* is the part of the feedback that is on the session itself, not on one of its traces.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    identifier TEXT NOT NULL UNIQUE,
    user_id INTEGER,
    user_strength INTEGER NOT NULL,
    started_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL,
    event_first_us INTEGER,
    event_last_us INTEGER,
    opened_us INTEGER,
    closed_us INTEGER,
    previous TEXT,
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
    feedback_count INTEGER NOT NULL,
    feedback_sum INTEGER NOT NULL,
    feedback_negative INTEGER NOT NULL,
    feedback_positive INTEGER NOT NULL,
    direct_count INTEGER NOT NULL DEFAULT 0,
    direct_sum INTEGER NOT NULL DEFAULT 0,
    direct_negative INTEGER NOT NULL DEFAULT 0,
    direct_positive INTEGER NOT NULL DEFAULT 0,
    unpriced INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX sessions_by_last ON sessions (last_us);
CREATE INDEX sessions_by_started ON sessions (started_us);
CREATE INDEX sessions_of_user ON sessions (user_id, last_us) WHERE user_id IS NOT NULL;
CREATE INDEX sessions_after ON sessions (previous) WHERE previous IS NOT NULL;
CREATE INDEX sessions_with_errors ON sessions (last_us) WHERE errors > 0;
CREATE INDEX sessions_with_feedback ON sessions (last_us) WHERE feedback_count > 0;

CREATE TABLE session_texts (
    id INTEGER PRIMARY KEY,
    metadata TEXT,
    first_input_us INTEGER,
    first_input TEXT,
    last_output_us INTEGER,
    last_output TEXT
);

-- user_strength is how firmly the trace's own user is known; if the session's owner is known more firmly, user_id is
-- the owner. moved_us is set if a MoveTrace decided the session.
CREATE TABLE traces (
    id INTEGER PRIMARY KEY,
    trace BLOB NOT NULL UNIQUE,
    session_id INTEGER,
    user_id INTEGER,
    user_strength INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    environment TEXT,
    status TEXT NOT NULL,
    error_type TEXT,
    started_us INTEGER NOT NULL,
    duration_us INTEGER,
    last_us INTEGER NOT NULL,
    moved_us INTEGER,
    failed_spans INTEGER NOT NULL,
    turns INTEGER NOT NULL,
    llm_calls INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    input_known INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    output_known INTEGER NOT NULL,
    cost_nano INTEGER NOT NULL,
    cost_known INTEGER NOT NULL,
    feedback_count INTEGER NOT NULL,
    feedback_sum INTEGER NOT NULL,
    feedback_negative INTEGER NOT NULL,
    feedback_positive INTEGER NOT NULL,
    metadata TEXT,
    tags TEXT,
    unpriced INTEGER NOT NULL DEFAULT 0
);
-- Covers filtering and sorting a list by cost, tokens, duration and errors without reading the rows, and grows in the
-- order of time: with an index on each column, every batch would write to pages all over the file.
CREATE INDEX traces_by_started ON traces (started_us, duration_us, cost_nano, input_tokens, output_tokens, errors);
CREATE INDEX traces_by_kind ON traces (kind, started_us);
CREATE INDEX traces_of_session ON traces (session_id, started_us) WHERE session_id IS NOT NULL;
CREATE INDEX traces_of_user ON traces (user_id, started_us) WHERE user_id IS NOT NULL;
CREATE INDEX traces_with_errors ON traces (started_us) WHERE errors > 0;
CREATE INDEX traces_with_feedback ON traces (started_us) WHERE feedback_count > 0;
CREATE INDEX traces_by_rare_status ON traces (status, started_us) WHERE status <> 'ok';

CREATE TABLE trace_contents (
    id INTEGER PRIMARY KEY,
    error_message TEXT,
    result TEXT
);

-- A move that arrived before its trace.
CREATE TABLE pending_moves (
    trace BLOB PRIMARY KEY,
    session TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    user_identifier TEXT,
    user_strength INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE spans (
    id INTEGER PRIMARY KEY,
    span BLOB NOT NULL,
    trace_id INTEGER NOT NULL,
    parent BLOB,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    started_us INTEGER NOT NULL,
    duration_us INTEGER,
    status TEXT NOT NULL,
    error_type TEXT,
    error_status INTEGER,
    is_call INTEGER NOT NULL,
    provider TEXT,
    operation TEXT,
    request_model TEXT,
    response_model TEXT,
    response_id TEXT,
    response_hash INTEGER,
    request_id TEXT,
    stream INTEGER,
    stream_end TEXT,
    retries INTEGER,
    finish_reasons TEXT,
    input_tokens INTEGER,
    output_tokens INTEGER,
    cached_input_tokens INTEGER,
    cache_write_tokens INTEGER,
    reasoning_tokens INTEGER,
    cost_nano INTEGER,
    time_to_first_token_us INTEGER,
    end_user TEXT,
    input_preview TEXT,
    output_preview TEXT
);
CREATE UNIQUE INDEX spans_of_trace ON spans (trace_id, span);
CREATE INDEX spans_by_response ON spans (response_hash) WHERE response_hash IS NOT NULL;

CREATE TABLE contents (
    id INTEGER PRIMARY KEY,
    input TEXT,
    output TEXT,
    parameters TEXT,
    tool_calls TEXT,
    error_message TEXT,
    error_body TEXT,
    metadata TEXT
);

-- A model as it was asked for and as it answered; unknown is empty.
CREATE TABLE models (
    id INTEGER PRIMARY KEY,
    requested TEXT NOT NULL,
    answered TEXT NOT NULL,
    UNIQUE (requested, answered)
);
CREATE TABLE trace_models (
    model_id INTEGER NOT NULL,
    trace_id INTEGER NOT NULL,
    PRIMARY KEY (model_id, trace_id)
) WITHOUT ROWID;

CREATE TABLE trace_tags (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    trace_id INTEGER NOT NULL,
    PRIMARY KEY (name, value, trace_id)
) WITHOUT ROWID;
CREATE INDEX tags_of_trace ON trace_tags (trace_id);

-- Activity by whole hours since the epoch. A trace counts in the hour in which it started, with all its calls.
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
    cost_known INTEGER NOT NULL,
    unpriced INTEGER NOT NULL DEFAULT 0
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
    unpriced INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (hour, user_id)
) WITHOUT ROWID;
-- Durations of traces with a call, in classes, eight to each power of two; the first is of a millisecond.
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

-- An annotation is attached to session_id (only if it has no trace), trace_id and span_id (a span is looked up in the
-- trace that was named with it). The ids that it came with stay in the columns wanted_*; is_waiting is set while one
-- of them has not arrived.
CREATE TABLE annotations (
    id INTEGER PRIMARY KEY,
    identifier TEXT NOT NULL UNIQUE,
    created_us INTEGER NOT NULL,
    type TEXT NOT NULL,
    name TEXT,
    score REAL,
    session_id INTEGER,
    trace_id INTEGER,
    span_id INTEGER,
    is_waiting INTEGER NOT NULL,
    wanted_session TEXT,
    wanted_trace BLOB,
    wanted_span BLOB,
    wanted_response TEXT
);
CREATE INDEX annotations_of_session ON annotations (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX annotations_of_trace ON annotations (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX annotations_want_session ON annotations (wanted_session) WHERE is_waiting AND wanted_session IS NOT NULL;
CREATE INDEX annotations_want_trace ON annotations (wanted_trace) WHERE is_waiting AND wanted_trace IS NOT NULL;
CREATE INDEX annotations_want_response ON annotations (wanted_response) WHERE is_waiting AND wanted_response IS NOT NULL;

CREATE TABLE annotation_contents (
    id INTEGER PRIMARY KEY,
    value TEXT,
    comment TEXT,
    metadata TEXT
);

-- Full text index of contents. It keeps no copy of the text: removing an entry needs the same text again.
CREATE VIRTUAL TABLE search USING fts5 (text, content = '', tokenize = 'unicode61 remove_diacritics 2');

CREATE TABLE ledger (
    name TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (name, reason)
) WITHOUT ROWID;

-- Hashes of erased users, sessions, traces and responses, so that records that arrive later do not restore them.
CREATE TABLE tombstones (
    hash BLOB PRIMARY KEY,
    erased_us INTEGER NOT NULL,
    reopened_us INTEGER
) WITHOUT ROWID;

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
