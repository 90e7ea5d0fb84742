-- The first schema: organizations, people, teams, roles, tokens, identity providers, audit.
-- Times are microseconds since 1970. `<column>_folded` is the lower-case form that `contains` searches.
-- PostgreSQL has no table of changes: it announces them with NOTIFY.

-- Keys of this installation, sealed with the master key.
CREATE TABLE platform_keys (
    name TEXT NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- People. A person may have a user in several organizations.
CREATE TABLE persons (
    id UUID NOT NULL PRIMARY KEY,
    email TEXT COLLATE "C" NOT NULL,
    email_folded TEXT COLLATE "C" NOT NULL UNIQUE,
    password_hash TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Who a person is at a foreign identity provider (`aid` of the internal user look-up).
CREATE TABLE subjects (
    subject TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES persons (id) ON DELETE CASCADE
);
CREATE INDEX subjects_person ON subjects (person_id);

-- Directory: the users of a person.
CREATE TABLE accounts (
    person_id UUID NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    org_id UUID NOT NULL,
    user_id UUID NOT NULL,
    PRIMARY KEY (person_id, org_id)
);

-- Directory: whose a presented token is. kind: 1 personal, 2 system account, 3 client.
CREATE TABLE credentials (
    hash BYTEA NOT NULL PRIMARY KEY,
    kind BIGINT NOT NULL,
    org_id UUID,
    token_id UUID NOT NULL
);
CREATE INDEX credentials_token ON credentials (token_id);

-- Directory: the organization of a login path.
CREATE TABLE login_paths (
    login_path TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id UUID NOT NULL,
    identity_provider_id UUID NOT NULL
);

-- Directory: the invite behind a one-time link.
CREATE TABLE invite_links (
    hash BYTEA NOT NULL PRIMARY KEY,
    org_id UUID NOT NULL,
    user_id UUID NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX invite_links_user ON invite_links (org_id, user_id);

-- Directory: the organization of a managed system account.
CREATE TABLE managed_accounts (
    system_account_id UUID NOT NULL PRIMARY KEY,
    org_id UUID NOT NULL
);

-- Platform services that call with a client token.
CREATE TABLE client_tokens (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
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
    org_id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    owner_id UUID NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    retention_period_days BIGINT NOT NULL,
    login_path TEXT COLLATE "C" NOT NULL,
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
    ip_allow_list TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE users (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id UUID NOT NULL,
    person_id UUID NOT NULL REFERENCES persons (id),
    email TEXT COLLATE "C" NOT NULL,
    email_folded TEXT COLLATE "C" NOT NULL,
    full_name TEXT COLLATE "C" NOT NULL,
    full_name_folded TEXT COLLATE "C" NOT NULL,
    preferred_name TEXT COLLATE "C" NOT NULL,
    search TEXT COLLATE "C" NOT NULL,
    active BOOLEAN NOT NULL,
    inferred_region TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, email_folded),
    UNIQUE (org_id, person_id)
);
CREATE INDEX users_email ON users (org_id, email);
CREATE INDEX users_full_name ON users (org_id, full_name);
CREATE INDEX users_active ON users (org_id, active, seq);

-- Texts that hold a given text, by the three-character pieces of both, where the extension is to be had;
-- without it such searches read the organization's rows. The organization's tag is one such piece, so that
-- a search is bound to the organization inside the index.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX users_search ON users USING gin (search gin_trgm_ops);
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'searching users goes without an index: %', SQLERRM;
END $$;

-- How many rows of a large collection each chunk of 1024 sequence numbers holds, so that any page number
-- is found without counting the rows in front of it.
CREATE TABLE list_chunks (
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    collection TEXT NOT NULL,
    chunk BIGINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (org_id, collection, chunk)
);

-- The last chunk of a collection that is counted; behind it rows are counted as they are asked for.
CREATE TABLE list_closed (
    collection TEXT NOT NULL PRIMARY KEY,
    chunk BIGINT NOT NULL
);

-- Many writers at once: a row that all of them update would make them queue, so chunks are counted once,
-- when they are full, and corrected when a row of a counted chunk goes.
INSERT INTO list_closed (collection, chunk) VALUES ('users', -1);

CREATE FUNCTION users_uncounted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE list_chunks SET n = n - 1 WHERE org_id = OLD.org_id AND collection = 'users' AND chunk = OLD.seq >> 10;
    RETURN NULL;
END $$;
CREATE TRIGGER users_uncounted AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION users_uncounted();

CREATE TABLE teams (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C",
    system_team BOOLEAN NOT NULL,
    labels TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id)
);
CREATE INDEX teams_name ON teams (org_id, name);

-- Labels of every labelled collection, one row each, for filters; the object's row has them whole.
CREATE TABLE labels (
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    collection TEXT COLLATE "C" NOT NULL,
    owner_id UUID NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    value_folded TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, collection, owner_id, key)
);
CREATE INDEX labels_value ON labels (org_id, collection, key, value);

CREATE TABLE system_accounts (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    description_folded TEXT COLLATE "C" NOT NULL,
    konnect_managed BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, name)
);

-- `mapped` tells a membership that an identity provider's groups gave from one that a person gave.
CREATE TABLE team_users (
    org_id UUID NOT NULL,
    team_id UUID NOT NULL,
    user_id UUID NOT NULL,
    mapped BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, team_id, user_id),
    FOREIGN KEY (org_id, team_id) REFERENCES teams (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE INDEX team_users_user ON team_users (org_id, user_id);

CREATE TABLE team_system_accounts (
    org_id UUID NOT NULL,
    team_id UUID NOT NULL,
    system_account_id UUID NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, team_id, system_account_id),
    FOREIGN KEY (org_id, team_id) REFERENCES teams (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, system_account_id) REFERENCES system_accounts (org_id, id) ON DELETE CASCADE
);
CREATE INDEX team_system_accounts_account ON team_system_accounts (org_id, system_account_id);

-- The holder is a user, a team or a system account; their deletion removes these rows by hand.
CREATE TABLE assigned_roles (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id UUID NOT NULL,
    holder_id UUID NOT NULL,
    role_name TEXT COLLATE "C" NOT NULL,
    entity_id TEXT COLLATE "C" NOT NULL,
    entity_type_name TEXT COLLATE "C" NOT NULL,
    entity_region TEXT COLLATE "C" NOT NULL,
    parameters TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, holder_id, role_name, entity_type_name, entity_id, entity_region, parameters)
);

CREATE TABLE personal_access_tokens (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL,
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    revoked_by UUID,
    revoked_at BIGINT,
    expires_at BIGINT NOT NULL,
    last_used_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE INDEX personal_access_tokens_user ON personal_access_tokens (org_id, user_id, seq);

CREATE TABLE system_account_tokens (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL,
    id UUID NOT NULL,
    system_account_id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    last_used_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, system_account_id, name),
    FOREIGN KEY (org_id, system_account_id) REFERENCES system_accounts (org_id, id) ON DELETE CASCADE
);

CREATE TABLE identity_providers (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id UUID NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    enabled BOOLEAN NOT NULL,
    login_path TEXT COLLATE "C" NOT NULL,
    config TEXT COLLATE "C" NOT NULL,
    client_secret BYTEA,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id)
);

CREATE TABLE team_group_mappings (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL,
    id UUID NOT NULL,
    identity_provider_id UUID NOT NULL,
    team_id UUID NOT NULL,
    group_name TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, identity_provider_id, team_id, group_name),
    FOREIGN KEY (org_id, identity_provider_id) REFERENCES identity_providers (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, team_id) REFERENCES teams (org_id, id) ON DELETE CASCADE
);

-- When an invite was sent, for the limit on how many may be.
CREATE TABLE invites (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL,
    user_id UUID NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE INDEX invites_created ON invites (org_id, created_at);

-- Mail that is to be sent, or was; the text may hold a link and is sealed.
CREATE TABLE mails (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id UUID NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    body BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at BIGINT,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id)
);

CREATE TABLE audit_events (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    type TEXT COLLATE "C" NOT NULL,
    ts BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    signature TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, seq)
);
CREATE INDEX audit_events_ts ON audit_events (org_id, ts);
