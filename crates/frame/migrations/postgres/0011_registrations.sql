-- Directory: the organization that somebody registered, until a one-time link shows whose the address is. The password
-- becomes the person's then, unless the person has an account already.
CREATE TABLE registrations (
    hash BYTEA NOT NULL PRIMARY KEY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    password_hash TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX registrations_organization ON registrations (org_id);
CREATE INDEX registrations_expiry ON registrations (expires_at);
