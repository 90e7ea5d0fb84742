-- Sign-in: the keys that sign sessions, sessions and what keeps them going, passwords, the device grant.

-- Keys that sign access tokens, sealed with the master key. A key signs from `signs_from` until a newer one does.
CREATE TABLE signing_keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL,
    signs_from BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- A signed-in user, from signing in until signing out.
CREATE TABLE sessions (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL,
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    method TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C",
    ip TEXT COLLATE "C" NOT NULL,
    user_agent TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    refreshed_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);
CREATE INDEX sessions_user ON sessions (org_id, user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Directory: the session behind a refresh token. A used one stays, so that its second use shows.
CREATE TABLE refresh_tokens (
    hash BYTEA NOT NULL PRIMARY KEY,
    org_id UUID NOT NULL,
    session_id UUID NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    FOREIGN KEY (org_id, session_id) REFERENCES sessions (org_id, id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (org_id, session_id);

-- Passwords that a person had, so that they do not come back.
CREATE TABLE old_passwords (
    person_id UUID NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    password_hash TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (person_id, created_at)
);

-- How often guessing went wrong lately; the subject is the hash of an address or an account.
CREATE TABLE throttles (
    subject BYTEA NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX throttles_updated ON throttles (updated_at);

-- A device that waits for its person (RFC 8628).
CREATE TABLE device_grants (
    device_hash BYTEA NOT NULL PRIMARY KEY,
    user_code_hash BYTEA NOT NULL UNIQUE,
    client_id TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    org_id UUID,
    user_id UUID,
    ip TEXT COLLATE "C" NOT NULL,
    user_agent TEXT COLLATE "C" NOT NULL,
    requested_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    polled_at BIGINT,
    early BIGINT NOT NULL,
    interval_seconds BIGINT NOT NULL
);
CREATE INDEX device_grants_expiry ON device_grants (expires_at);
CREATE INDEX device_grants_ip ON device_grants (ip);

-- Directory: the person behind a one-time link that sets a password.
CREATE TABLE reset_links (
    hash BYTEA NOT NULL PRIMARY KEY,
    person_id UUID NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX reset_links_person ON reset_links (person_id);

-- When a mail is tried next, how often it was, and what went wrong last.
ALTER TABLE mails ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mails ADD COLUMN next_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mails ADD COLUMN last_error TEXT COLLATE "C";
CREATE INDEX mails_due ON mails (sent_at, next_at);

-- A sign-in at an organization's provider that is under way, or the rehearsal of one. What is found by the
-- hash of `state` (RelayState) is used once; `browser_hash` is null until a browser opens a rehearsal.
CREATE TABLE sso_attempts (
    state_hash BYTEA NOT NULL PRIMARY KEY,
    org_id UUID NOT NULL,
    identity_provider_id UUID NOT NULL,
    browser_hash BYTEA,
    rehearsal BOOLEAN NOT NULL,
    return_to TEXT COLLATE "C" NOT NULL,
    ip TEXT COLLATE "C" NOT NULL,
    request TEXT COLLATE "C",
    answer BYTEA,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sso_attempts_expiry ON sso_attempts (expires_at);
CREATE INDEX sso_attempts_ip ON sso_attempts (ip);

-- The user that an issuer means by a subject.
CREATE TABLE sso_links (
    org_id UUID NOT NULL,
    identity_provider_id UUID NOT NULL,
    issuer TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    user_id UUID NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, identity_provider_id, issuer, subject),
    UNIQUE (org_id, identity_provider_id, issuer, user_id),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, identity_provider_id) REFERENCES identity_providers (org_id, id) ON DELETE CASCADE
);
CREATE INDEX sso_links_user ON sso_links (org_id, user_id);

-- Domains whose addresses an organization's provider may speak for.
CREATE TABLE verified_domains (
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    domain TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, domain)
);

-- This installation's key towards a SAML provider, sealed, and its certificate: requests are signed with it,
-- assertions are encrypted to it.
CREATE TABLE saml_keys (
    org_id UUID NOT NULL,
    identity_provider_id UUID NOT NULL,
    sealed BYTEA NOT NULL,
    certificate TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, identity_provider_id),
    FOREIGN KEY (org_id, identity_provider_id) REFERENCES identity_providers (org_id, id) ON DELETE CASCADE
);

-- A person's authenticator app; it counts once a code of it was shown. A code is used once, and none before it.
CREATE TABLE totp_factors (
    person_id UUID NOT NULL PRIMARY KEY REFERENCES persons (id) ON DELETE CASCADE,
    sealed BYTEA NOT NULL,
    confirmed_at BIGINT,
    last_step BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Codes for the day on which the app or the passkey is lost.
CREATE TABLE recovery_codes (
    person_id UUID NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    hash BYTEA NOT NULL,
    PRIMARY KEY (person_id, hash)
);

-- A person's passkeys (WebAuthn), by the id that authenticators know each by. A public key is no secret, so nothing
-- here is sealed.
CREATE TABLE passkeys (
    credential_id BYTEA NOT NULL PRIMARY KEY,
    id UUID NOT NULL UNIQUE,
    person_id UUID NOT NULL REFERENCES persons (id) ON DELETE CASCADE,
    public_key BYTEA NOT NULL,
    eligible BOOLEAN NOT NULL,
    sign_count BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX passkeys_person ON passkeys (person_id);

-- Challenges that were answered, by hash: each is good for one answer. Those that were not are kept nowhere.
CREATE TABLE passkey_challenges (
    hash BYTEA NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX passkey_challenges_expiry ON passkey_challenges (expires_at);

-- What somebody was told about a token that is about to expire: so many days before.
CREATE TABLE token_reminders (
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    token_id UUID NOT NULL,
    days BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, token_id, days)
);

-- Browsers and programs that a user has signed in with, by the hash of what they call themselves.
CREATE TABLE known_agents (
    org_id UUID NOT NULL,
    user_id UUID NOT NULL,
    hash BYTEA NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, user_id, hash),
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);

-- What a platform service may call: operation ids with commas between; nothing for all that services may.
ALTER TABLE client_tokens ADD COLUMN operations TEXT COLLATE "C";

-- Signed tokens by which a platform service acts in an organization. The key that signed one stays for as long.
CREATE TABLE service_tokens (
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    operations TEXT COLLATE "C",
    key_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, name)
);

-- Directory: the organization that a customer of AWS Marketplace belongs to. A customer is an AWS account.
CREATE TABLE marketplace_customers (
    aws_account_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    UNIQUE (org_id, aws_account_id)
);

-- What an organization bought there. Agreements of before licenses have no license, and their `license_arn` is
-- empty; customers of new products have no `customer_identifier`.
CREATE TABLE marketplace_purchases (
    org_id UUID NOT NULL,
    aws_account_id TEXT COLLATE "C" NOT NULL,
    product_code TEXT COLLATE "C" NOT NULL,
    license_arn TEXT COLLATE "C" NOT NULL,
    customer_identifier TEXT COLLATE "C",
    linked_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, aws_account_id, product_code, license_arn),
    FOREIGN KEY (org_id, aws_account_id) REFERENCES marketplace_customers (org_id, aws_account_id) ON DELETE CASCADE
);
