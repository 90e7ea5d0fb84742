-- Developers: people who use a portal. One belongs to one portal, and is no user of the organization. Whoever is
-- approved is active.

CREATE TABLE developers (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    portal_id BLOB NOT NULL,
    id BLOB NOT NULL,
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL,
    full_name TEXT NOT NULL,
    full_name_folded TEXT NOT NULL,
    status TEXT NOT NULL,
    status_folded TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    password_hash TEXT,
    verified_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, portal_id, email_folded),
    FOREIGN KEY (org_id, portal_id) REFERENCES portals (org_id, id) ON DELETE CASCADE
);
CREATE INDEX developers_portal ON developers (org_id, portal_id, seq);
CREATE INDEX developers_email ON developers (org_id, portal_id, email, seq);
CREATE INDEX developers_name ON developers (org_id, portal_id, full_name, seq);
CREATE INDEX developers_status ON developers (org_id, portal_id, status, seq);
CREATE INDEX developers_created ON developers (org_id, portal_id, created_at, seq);
CREATE INDEX developers_updated ON developers (org_id, portal_id, updated_at, seq);

-- One-time links that a developer gets by mail, by hash. A used one stays until it is old, so that whoever opens it
-- again is told so.
CREATE TABLE developer_links (
    org_id BLOB NOT NULL,
    hash BLOB NOT NULL,
    developer_id BLOB NOT NULL,
    purpose TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (org_id, hash),
    FOREIGN KEY (org_id, developer_id) REFERENCES developers (org_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX developer_links_developer ON developer_links (org_id, developer_id);

-- A signed-in developer, from signing in until signing out.
CREATE TABLE developer_sessions (
    org_id BLOB NOT NULL,
    id BLOB NOT NULL,
    developer_id BLOB NOT NULL,
    ip TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    refreshed_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, developer_id) REFERENCES developers (org_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX developer_sessions_developer ON developer_sessions (org_id, developer_id);

-- Directory: the session behind an access or a refresh token. A used refresh token stays, so that its second use shows.
CREATE TABLE developer_tokens (
    hash BLOB NOT NULL PRIMARY KEY,
    org_id BLOB NOT NULL,
    session_id BLOB NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    FOREIGN KEY (org_id, session_id) REFERENCES developer_sessions (org_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX developer_tokens_session ON developer_tokens (org_id, session_id);

-- Teams of a portal's developers, which can own applications.
CREATE TABLE portal_teams (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    portal_id BLOB NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT,
    can_own_applications BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, portal_id) REFERENCES portals (org_id, id) ON DELETE CASCADE
);
CREATE INDEX portal_teams_portal ON portal_teams (org_id, portal_id, seq);

-- Who is in one; both are of one portal.
CREATE TABLE portal_team_developers (
    org_id BLOB NOT NULL,
    team_id BLOB NOT NULL,
    developer_id BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, team_id, developer_id),
    FOREIGN KEY (org_id, team_id) REFERENCES portal_teams (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, developer_id) REFERENCES developers (org_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX portal_team_developers_developer ON portal_team_developers (org_id, developer_id);
