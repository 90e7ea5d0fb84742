-- Products and their versions, and what of them is in portals: the older way of publishing.

CREATE TABLE products (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT,
    description_folded TEXT,
    labels TEXT NOT NULL,
    public_labels TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id)
);
CREATE INDEX products_name ON products (org_id, name, seq);
CREATE INDEX products_created ON products (org_id, created_at, seq);
CREATE INDEX products_updated ON products (org_id, updated_at, seq);

-- The portals that a product is published in, in the order in which they were named.
CREATE TABLE product_portals (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    product_id BLOB NOT NULL,
    portal_id BLOB NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, product_id, portal_id),
    FOREIGN KEY (org_id, product_id) REFERENCES products (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, portal_id) REFERENCES portals (org_id, id) ON DELETE CASCADE
);
CREATE INDEX product_portals_portal ON product_portals (org_id, portal_id);

CREATE TABLE product_versions (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    product_id BLOB NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    publish_status TEXT NOT NULL,
    deprecated BOOLEAN NOT NULL,
    gateway_service TEXT,
    labels TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, product_id) REFERENCES products (org_id, id)
);
CREATE INDEX product_versions_product ON product_versions (org_id, product_id, seq);

-- A version of a product in a portal. `strategy_id` is what applications for it are made with. Whoever deletes a
-- version or a portal deletes these first, with their uses of strategies; so nothing cascades here.
CREATE TABLE portal_product_versions (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    portal_id BLOB NOT NULL,
    product_version_id BLOB NOT NULL,
    publish_status TEXT NOT NULL,
    strategy_id BLOB,
    application_registration_enabled BOOLEAN NOT NULL,
    auto_approve_registration BOOLEAN NOT NULL,
    deprecated BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, portal_id, product_version_id),
    FOREIGN KEY (org_id, portal_id) REFERENCES portals (org_id, id),
    FOREIGN KEY (org_id, product_version_id) REFERENCES product_versions (org_id, id),
    FOREIGN KEY (org_id, strategy_id) REFERENCES application_auth_strategies (org_id, id)
);
CREATE INDEX portal_product_versions_portal ON portal_product_versions (org_id, portal_id, seq);
CREATE INDEX portal_product_versions_version ON portal_product_versions (org_id, product_version_id, seq);
CREATE INDEX portal_product_versions_strategy ON portal_product_versions (org_id, strategy_id, seq);
