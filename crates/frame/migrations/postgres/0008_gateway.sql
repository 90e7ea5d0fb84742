-- What a gateway is told: which of its services APIs are, and which organizations' parts of it are out of date.

-- An API is one service, and a service one API. A service that was guarded once stays closed when its API is not
-- published any more, until the API needs no strategy or the row goes.
CREATE TABLE api_implementations (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id UUID NOT NULL,
    api_id UUID NOT NULL,
    service_id UUID NOT NULL,
    control_plane_id UUID NOT NULL,
    guarded BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, api_id),
    UNIQUE (org_id, service_id),
    FOREIGN KEY (org_id, api_id) REFERENCES apis (org_id, id) ON DELETE CASCADE
);
CREATE INDEX api_implementations_created ON api_implementations (org_id, created_at, seq);
CREATE INDEX api_implementations_updated ON api_implementations (org_id, updated_at, seq);

-- That something has changed which a gateway is told. Whoever changes it adds a row, and waits for nobody.
CREATE TABLE gateway_changes (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    PRIMARY KEY (org_id, seq)
);

-- How far an organization's part of the gateway is: when it is looked at next, until when somebody does, and what
-- came of the last time; `away` if the gateway was not there at all. `turn` goes up with each change. `expires_at`
-- is the organization's time, all else the machine's.
CREATE TABLE gateway_syncs (
    org_id UUID NOT NULL PRIMARY KEY REFERENCES organizations (org_id) ON DELETE CASCADE,
    turn BIGINT NOT NULL,
    due_at BIGINT,
    leased_until BIGINT,
    attempts BIGINT NOT NULL,
    away BOOLEAN NOT NULL,
    problem TEXT COLLATE "C",
    synced_at BIGINT,
    expires_at BIGINT
);
CREATE INDEX gateway_syncs_due ON gateway_syncs (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX gateway_syncs_expiring ON gateway_syncs (expires_at) WHERE expires_at IS NOT NULL;

-- A gateway asks by a client's id.
CREATE INDEX dcr_clients_client ON dcr_clients (org_id, client_id);
