-- Portals, the APIs that are published in them, and where requests for them come in.
-- An index beside each column that lists are sorted by, but for switches; folded texts are for `contains`.

CREATE TABLE portals (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    display_name TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C",
    description_folded TEXT COLLATE "C",
    authentication_enabled BOOLEAN NOT NULL,
    rbac_enabled BOOLEAN NOT NULL,
    sipr_enabled BOOLEAN NOT NULL,
    default_api_visibility TEXT COLLATE "C" NOT NULL,
    default_api_visibility_folded TEXT COLLATE "C" NOT NULL,
    default_page_visibility TEXT COLLATE "C" NOT NULL,
    default_page_visibility_folded TEXT COLLATE "C" NOT NULL,
    default_strategy_id UUID,
    auto_approve_developers BOOLEAN NOT NULL,
    auto_approve_applications BOOLEAN NOT NULL,
    developer_pii_visible BOOLEAN NOT NULL,
    default_domain TEXT COLLATE "C" NOT NULL,
    default_domain_folded TEXT COLLATE "C" NOT NULL,
    labels TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, name_folded),
    FOREIGN KEY (org_id, default_strategy_id) REFERENCES application_auth_strategies (org_id, id)
);
CREATE INDEX portals_name ON portals (org_id, name, seq);
CREATE INDEX portals_description ON portals (org_id, description, seq);
CREATE INDEX portals_domain ON portals (org_id, default_domain, seq);
CREATE INDEX portals_strategy ON portals (org_id, default_strategy_id);
CREATE INDEX portals_created ON portals (org_id, created_at, seq);
CREATE INDEX portals_updated ON portals (org_id, updated_at, seq);

-- Which portal a host name is of: asked before the organization is known. It goes with its portal.
CREATE TABLE portal_hosts (
    host TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    portal_id UUID NOT NULL,
    FOREIGN KEY (org_id, portal_id) REFERENCES portals (org_id, id) ON DELETE CASCADE
);
CREATE INDEX portal_hosts_portal ON portal_hosts (org_id, portal_id);

-- Name and version together are taken once, whatever their case.
CREATE TABLE apis (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C",
    version TEXT COLLATE "C",
    version_folded TEXT COLLATE "C",
    slug TEXT COLLATE "C",
    attributes TEXT COLLATE "C" NOT NULL,
    labels TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id)
);
CREATE UNIQUE INDEX apis_title ON apis (org_id, name_folded, (COALESCE(version_folded, '')));
CREATE INDEX apis_name ON apis (org_id, name, seq);
CREATE INDEX apis_version ON apis (org_id, version, seq);
CREATE INDEX apis_created ON apis (org_id, created_at, seq);
CREATE INDEX apis_updated ON apis (org_id, updated_at, seq);

-- `strategy_id` is what applications of the API are made with; nothing there means that it needs none. `id` is
-- what `strategy_uses` knows a publication by. What repeats the API and the portal changes with them, in the same
-- transaction. A publication that something else depends on is deleted before its API or its portal, with its
-- use of the strategy; so nothing cascades here.
CREATE TABLE api_publications (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id UUID NOT NULL,
    api_id UUID NOT NULL,
    api_name TEXT COLLATE "C" NOT NULL,
    api_name_folded TEXT COLLATE "C" NOT NULL,
    portal_id UUID NOT NULL,
    portal_name TEXT COLLATE "C" NOT NULL,
    portal_name_folded TEXT COLLATE "C" NOT NULL,
    portal_display_name TEXT COLLATE "C" NOT NULL,
    strategy_id UUID,
    entity_type TEXT COLLATE "C" NOT NULL,
    entity_type_folded TEXT COLLATE "C" NOT NULL,
    auto_approve_registrations BOOLEAN NOT NULL,
    visibility TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, portal_id, api_id),
    FOREIGN KEY (org_id, api_id) REFERENCES apis (org_id, id),
    FOREIGN KEY (org_id, portal_id) REFERENCES portals (org_id, id),
    FOREIGN KEY (org_id, strategy_id) REFERENCES application_auth_strategies (org_id, id)
);
CREATE INDEX api_publications_api ON api_publications (org_id, api_id, seq);
CREATE INDEX api_publications_portal ON api_publications (org_id, portal_id, seq);
CREATE INDEX api_publications_strategy ON api_publications (org_id, strategy_id, seq);
CREATE INDEX api_publications_api_name ON api_publications (org_id, api_name, seq);
CREATE INDEX api_publications_portal_name ON api_publications (org_id, portal_name, seq);
CREATE INDEX api_publications_created ON api_publications (org_id, created_at, seq);
CREATE INDEX api_publications_updated ON api_publications (org_id, updated_at, seq);
