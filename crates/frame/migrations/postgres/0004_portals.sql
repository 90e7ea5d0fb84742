-- Portals, the APIs that are published in them, and where requests for them come in.

CREATE TABLE portals (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id UUID NOT NULL,
    id_folded TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    display_name TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C",
    description_folded TEXT COLLATE "C",
    authentication_enabled BOOLEAN NOT NULL,
    rbac_enabled BOOLEAN NOT NULL,
    sipr_enabled BOOLEAN NOT NULL,
    default_api_visibility TEXT COLLATE "C" NOT NULL,
    default_page_visibility TEXT COLLATE "C" NOT NULL,
    default_strategy_id UUID,
    auto_approve_developers BOOLEAN NOT NULL,
    auto_approve_applications BOOLEAN NOT NULL,
    developer_pii_visible BOOLEAN NOT NULL,
    default_domain TEXT COLLATE "C" NOT NULL,
    labels TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, name_folded),
    FOREIGN KEY (org_id, default_strategy_id) REFERENCES application_auth_strategies (org_id, id)
);

-- Which portal a host name is of: asked before the organization is known.
CREATE TABLE portal_hosts (
    host TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    portal_id UUID NOT NULL,
    FOREIGN KEY (org_id, portal_id) REFERENCES portals (org_id, id) ON DELETE CASCADE
);
CREATE INDEX portal_hosts_portal ON portal_hosts (org_id, portal_id);

CREATE TABLE apis (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id UUID NOT NULL,
    id_folded TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C",
    version TEXT COLLATE "C",
    slug TEXT COLLATE "C",
    attributes TEXT COLLATE "C" NOT NULL,
    labels TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id)
);

-- `strategy_id` is what applications of the API are made with; nothing there means that it needs none.
CREATE TABLE api_publications (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    api_id UUID NOT NULL,
    portal_id UUID NOT NULL,
    strategy_id UUID,
    auto_approve_registrations BOOLEAN,
    visibility TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, portal_id, api_id),
    FOREIGN KEY (org_id, api_id) REFERENCES apis (org_id, id),
    FOREIGN KEY (org_id, portal_id) REFERENCES portals (org_id, id),
    FOREIGN KEY (org_id, strategy_id) REFERENCES application_auth_strategies (org_id, id)
);
CREATE INDEX api_publications_api ON api_publications (org_id, api_id);
