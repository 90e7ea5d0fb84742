-- Applications, the clients that providers have for them, and what is still to be done about those. An application
-- is a developer's or a team's, and no other's.

CREATE TABLE applications (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    portal_id BLOB NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT,
    developer_id BLOB,
    team_id BLOB,
    strategy_id BLOB NOT NULL,
    client_id TEXT,
    redirect_uri TEXT,
    scopes TEXT NOT NULL,
    labels TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, portal_id) REFERENCES portals (org_id, id),
    FOREIGN KEY (org_id, strategy_id) REFERENCES application_auth_strategies (org_id, id)
);
CREATE INDEX applications_portal ON applications (org_id, portal_id, seq);
CREATE INDEX applications_developer ON applications (org_id, developer_id, seq);
CREATE INDEX applications_team ON applications (org_id, team_id, seq);
CREATE INDEX applications_strategy ON applications (org_id, strategy_id);
CREATE INDEX applications_client ON applications (org_id, client_id);

-- A key is found by its hash. Itself it is kept, sealed, only where a gateway is given it.
CREATE TABLE application_keys (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    application_id BLOB NOT NULL,
    display_name TEXT NOT NULL,
    hash BLOB NOT NULL,
    sealed BLOB,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, hash),
    FOREIGN KEY (org_id, application_id) REFERENCES applications (org_id, id) ON DELETE CASCADE
);
CREATE INDEX application_keys_application ON application_keys (org_id, application_id, seq);

-- An application's wish to call an API, and what was said to it. A row repeats what lists are filtered by.
CREATE TABLE application_registrations (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    portal_id BLOB NOT NULL,
    application_id BLOB NOT NULL,
    application_name TEXT NOT NULL,
    application_name_folded TEXT NOT NULL,
    developer_id BLOB,
    api_id BLOB NOT NULL,
    api_name TEXT NOT NULL,
    api_name_folded TEXT NOT NULL,
    status TEXT NOT NULL,
    status_folded TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, application_id, api_id),
    FOREIGN KEY (org_id, application_id) REFERENCES applications (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, api_id) REFERENCES apis (org_id, id)
);
CREATE INDEX application_registrations_portal ON application_registrations (org_id, portal_id, seq);
CREATE INDEX application_registrations_api ON application_registrations (org_id, api_id, portal_id);

-- A client that a provider has, or may have, for an application: what it is to be, how far that has come, and
-- when somebody looks at it next. It has the application's id, and outlives it until the provider has none.
CREATE TABLE dcr_clients (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    provider_id BLOB NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    wanted TEXT NOT NULL,
    client_id TEXT,
    management BLOB,
    secret_lost BOOLEAN NOT NULL,
    doubtful BOOLEAN NOT NULL,
    turn BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT,
    problem TEXT,
    drift TEXT,
    checked_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, provider_id) REFERENCES dcr_providers (org_id, id)
);
CREATE INDEX dcr_clients_due ON dcr_clients (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX dcr_clients_checked ON dcr_clients (checked_at) WHERE state = 'live' AND due_at IS NULL;
CREATE INDEX dcr_clients_provider ON dcr_clients (org_id, provider_id, seq);

-- What providers are still to hear, in this order for each client.
CREATE TABLE dcr_events (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    event TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    problem TEXT,
    UNIQUE (org_id, seq),
    FOREIGN KEY (org_id, id) REFERENCES dcr_clients (org_id, id) ON DELETE CASCADE
);
CREATE INDEX dcr_events_due ON dcr_events (due_at);
CREATE INDEX dcr_events_client ON dcr_events (org_id, id, seq);
