-- The bridge that is served in front of DCR providers: its keys, and which clients its callers had made.

ALTER TABLE dcr_clients ADD COLUMN bridged BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX dcr_clients_bridged ON dcr_clients (org_id, provider_id, client_id);

-- A key is found by its hash, which tells the organization and the provider.
CREATE TABLE dcr_bridge_keys (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id UUID NOT NULL,
    provider_id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, provider_id) REFERENCES dcr_providers (org_id, id) ON DELETE CASCADE
);
CREATE INDEX dcr_bridge_keys_provider ON dcr_bridge_keys (org_id, provider_id, seq);

-- Clients that callers had removed, for a while: who asks again is told the same again.
CREATE TABLE dcr_bridge_removed (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    provider_id UUID NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    removed_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, provider_id, client_id),
    FOREIGN KEY (org_id, provider_id) REFERENCES dcr_providers (org_id, id) ON DELETE CASCADE
);
CREATE INDEX dcr_bridge_removed_at ON dcr_bridge_removed (removed_at);
