-- The first schema: organizations, people, teams, roles, tokens, identity providers, audit.
-- Times are microseconds since 1970. `<column>_folded` is the lower-case form that `contains` searches.

-- Keys of this installation, sealed with the master key.
CREATE TABLE platform_keys (
    name TEXT NOT NULL PRIMARY KEY,
    sealed BLOB NOT NULL,
    created_at BIGINT NOT NULL
);

-- People. A person may have a user in several organizations.
CREATE TABLE persons (
    id BLOB NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL UNIQUE,
    password_hash TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Who a person is at a foreign identity provider (`aid` of the internal user look-up).
CREATE TABLE subjects (
    subject TEXT NOT NULL PRIMARY KEY,
    person_id BLOB NOT NULL REFERENCES persons (id) ON DELETE CASCADE
);
CREATE INDEX subjects_person ON subjects (person_id);

-- Directory: the users of a person.
CREATE TABLE accounts (
    person_id BLOB NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    org_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    PRIMARY KEY (person_id, org_id)
) WITHOUT ROWID;

-- Directory: whose a presented token is. kind: 1 personal, 2 system account, 3 client.
CREATE TABLE credentials (
    hash BLOB NOT NULL PRIMARY KEY,
    kind BIGINT NOT NULL,
    org_id BLOB,
    token_id BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX credentials_token ON credentials (token_id);

-- Directory: the organization of a login path.
CREATE TABLE login_paths (
    login_path TEXT NOT NULL PRIMARY KEY,
    org_id BLOB NOT NULL,
    identity_provider_id BLOB NOT NULL
) WITHOUT ROWID;

-- Directory: the invite behind a one-time link.
CREATE TABLE invite_links (
    hash BLOB NOT NULL PRIMARY KEY,
    org_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX invite_links_user ON invite_links (org_id, user_id);

-- Directory: the organization of a managed system account.
CREATE TABLE managed_accounts (
    system_account_id BLOB NOT NULL PRIMARY KEY,
    org_id BLOB NOT NULL
) WITHOUT ROWID;

-- Platform services that call with a client token.
CREATE TABLE client_tokens (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);

-- Literal role descriptions of a published document, for clients that compare them.
CREATE TABLE role_descriptions (
    type_key TEXT NOT NULL,
    role_key TEXT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (type_key, role_key)
);

CREATE TABLE organizations (
    org_id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    owner_id BLOB NOT NULL,
    state TEXT NOT NULL,
    retention_period_days BIGINT NOT NULL,
    login_path TEXT NOT NULL,
    pats_enabled BOOLEAN NOT NULL,
    max_expiration_period_days BIGINT NOT NULL,
    mfa_enabled BOOLEAN NOT NULL,
    impersonation_enabled BOOLEAN NOT NULL,
    basic_auth_enabled BOOLEAN NOT NULL,
    oidc_auth_enabled BOOLEAN NOT NULL,
    saml_auth_enabled BOOLEAN NOT NULL,
    idp_mapping_enabled BOOLEAN NOT NULL,
    konnect_mapping_enabled BOOLEAN NOT NULL,
    ip_allow_list_enabled BOOLEAN,
    ip_allow_list TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE users (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    person_id BLOB NOT NULL REFERENCES persons (id),
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL,
    full_name TEXT NOT NULL,
    full_name_folded TEXT NOT NULL,
    preferred_name TEXT NOT NULL,
    search TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    inferred_region TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, email_folded),
    UNIQUE (org_id, person_id)
);
CREATE INDEX users_email ON users (org_id, email);
CREATE INDEX users_full_name ON users (org_id, full_name);
CREATE INDEX users_active ON users (org_id, active, seq);

-- Texts that hold a given text, by the three-character pieces of both. The organization's tag is one such
-- piece, so that a search is bound to the organization inside the index.
CREATE VIRTUAL TABLE users_search USING fts5 (
    search, content = 'users', content_rowid = 'seq', tokenize = 'trigram case_sensitive 1', detail = none, columnsize = 0
);
CREATE TRIGGER users_search_insert AFTER INSERT ON users BEGIN
    INSERT INTO users_search (rowid, search) VALUES (NEW.seq, NEW.search);
END;
CREATE TRIGGER users_search_delete AFTER DELETE ON users BEGIN
    INSERT INTO users_search (users_search, rowid, search) VALUES ('delete', OLD.seq, OLD.search);
END;
CREATE TRIGGER users_search_update AFTER UPDATE OF search ON users BEGIN
    INSERT INTO users_search (users_search, rowid, search) VALUES ('delete', OLD.seq, OLD.search);
    INSERT INTO users_search (rowid, search) VALUES (NEW.seq, NEW.search);
END;

-- How many rows of a large collection each chunk of 1024 sequence numbers holds, so that any page number
-- is found without counting the rows in front of it.
CREATE TABLE list_chunks (
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    collection TEXT NOT NULL,
    chunk BIGINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (org_id, collection, chunk)
) WITHOUT ROWID;

-- The last chunk of a collection that is counted; behind it rows are counted as they are asked for.
CREATE TABLE list_closed (
    collection TEXT NOT NULL PRIMARY KEY,
    chunk BIGINT NOT NULL
);

-- One writer at a time: every chunk is counted as it changes, the newest too.
INSERT INTO list_closed (collection, chunk) VALUES ('users', 9007199254740991);

CREATE TRIGGER users_counted AFTER INSERT ON users BEGIN
    INSERT INTO list_chunks (org_id, collection, chunk, n) VALUES (NEW.org_id, 'users', NEW.seq >> 10, 1)
    ON CONFLICT (org_id, collection, chunk) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER users_uncounted AFTER DELETE ON users BEGIN
    UPDATE list_chunks SET n = n - 1 WHERE org_id = OLD.org_id AND collection = 'users' AND chunk = OLD.seq >> 10;
END;

CREATE TABLE teams (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT,
    system_team BOOLEAN NOT NULL,
    labels TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id)
);
CREATE INDEX teams_name ON teams (org_id, name);

-- Labels of every labelled collection, one row each, for filters; the object's row has them whole.
CREATE TABLE labels (
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    collection TEXT NOT NULL,
    owner_id BLOB NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    value_folded TEXT NOT NULL,
    PRIMARY KEY (org_id, collection, owner_id, key)
) WITHOUT ROWID;
CREATE INDEX labels_value ON labels (org_id, collection, key, value);

CREATE TABLE system_accounts (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT NOT NULL,
    description_folded TEXT NOT NULL,
    konnect_managed BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, name)
);

-- `mapped` tells a membership that an identity provider's groups gave from one that a person gave.
CREATE TABLE team_users (
    org_id BLOB NOT NULL,
    team_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    mapped BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, team_id, user_id),
    FOREIGN KEY (org_id, team_id) REFERENCES teams (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX team_users_user ON team_users (org_id, user_id);

CREATE TABLE team_system_accounts (
    org_id BLOB NOT NULL,
    team_id BLOB NOT NULL,
    system_account_id BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, team_id, system_account_id),
    FOREIGN KEY (org_id, team_id) REFERENCES teams (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, system_account_id) REFERENCES system_accounts (org_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX team_system_accounts_account ON team_system_accounts (org_id, system_account_id);

-- The holder is a user, a team or a system account; their deletion removes these rows by hand.
CREATE TABLE assigned_roles (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    holder_id BLOB NOT NULL,
    role_name TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    entity_type_name TEXT NOT NULL,
    entity_region TEXT NOT NULL,
    parameters TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, holder_id, role_name, entity_type_name, entity_id, entity_region, parameters)
);

CREATE TABLE personal_access_tokens (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL,
    id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    name TEXT NOT NULL,
    revoked_by BLOB,
    revoked_at BIGINT,
    expires_at BIGINT NOT NULL,
    last_used_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE INDEX personal_access_tokens_user ON personal_access_tokens (org_id, user_id, seq);

CREATE TABLE system_account_tokens (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL,
    id BLOB NOT NULL,
    system_account_id BLOB NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_used_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, system_account_id, name),
    FOREIGN KEY (org_id, system_account_id) REFERENCES system_accounts (org_id, id) ON DELETE CASCADE
);

CREATE TABLE identity_providers (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    type TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    login_path TEXT NOT NULL,
    config TEXT NOT NULL,
    client_secret BLOB,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id)
);

CREATE TABLE team_group_mappings (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL,
    id BLOB NOT NULL,
    identity_provider_id BLOB NOT NULL,
    team_id BLOB NOT NULL,
    group_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, identity_provider_id, team_id, group_name),
    FOREIGN KEY (org_id, identity_provider_id) REFERENCES identity_providers (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, team_id) REFERENCES teams (org_id, id) ON DELETE CASCADE
);

-- When an invite was sent, for the limit on how many may be.
CREATE TABLE invites (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE INDEX invites_created ON invites (org_id, created_at);

-- Mail that is to be sent, or was; the text may hold a link and is sealed.
CREATE TABLE mails (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    body BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at BIGINT,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id)
);

CREATE TABLE audit_events (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    ts BIGINT NOT NULL,
    body TEXT NOT NULL,
    signature TEXT NOT NULL,
    UNIQUE (org_id, seq)
);
CREATE INDEX audit_events_ts ON audit_events (org_id, ts);

-- What other processes must hear of: an organization whose access data changed.
CREATE TABLE changes (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL,
    created_at BIGINT NOT NULL
);
