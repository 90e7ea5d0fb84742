-- Application auth: DCR providers, strategies, and what uses them.
-- An index beside each column that lists are sorted by; ids and folded texts are for `contains`.

CREATE TABLE dcr_providers (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    id_folded TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    display_name TEXT,
    provider_type TEXT NOT NULL,
    issuer TEXT NOT NULL,
    issuer_folded TEXT NOT NULL,
    initial_client_id TEXT,
    initial_client_id_folded TEXT,
    initial_client_audience TEXT,
    initial_client_audience_folded TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    labels TEXT NOT NULL,
    config TEXT NOT NULL,
    secret BLOB,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id)
);
CREATE INDEX dcr_providers_name ON dcr_providers (org_id, name, seq);
CREATE INDEX dcr_providers_issuer ON dcr_providers (org_id, issuer, seq);
CREATE INDEX dcr_providers_type ON dcr_providers (org_id, provider_type, seq);
CREATE INDEX dcr_providers_created ON dcr_providers (org_id, created_at, seq);
CREATE INDEX dcr_providers_updated ON dcr_providers (org_id, updated_at, seq);
CREATE INDEX dcr_providers_client ON dcr_providers (org_id, initial_client_id, seq);
CREATE INDEX dcr_providers_audience ON dcr_providers (org_id, initial_client_audience, seq);

-- `dcr_provider_…` and `multiple_credentials` repeat what a strategy shows of its provider; a change of the
-- provider changes them in the same transaction. `search` has every text that `contains` may look for.
CREATE TABLE application_auth_strategies (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    display_name TEXT NOT NULL,
    display_name_folded TEXT NOT NULL,
    strategy_type TEXT NOT NULL,
    strategy_type_folded TEXT NOT NULL,
    dcr_provider_id BLOB,
    dcr_provider_name TEXT,
    dcr_provider_name_folded TEXT,
    dcr_provider_type TEXT,
    dcr_provider_type_folded TEXT,
    dcr_provider_display_name TEXT,
    multiple_credentials BOOLEAN NOT NULL,
    principals_enabled BOOLEAN NOT NULL,
    search TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    labels TEXT NOT NULL,
    configs TEXT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, dcr_provider_id) REFERENCES dcr_providers (org_id, id)
);
CREATE INDEX application_auth_strategies_name ON application_auth_strategies (org_id, name, seq);
CREATE INDEX application_auth_strategies_display ON application_auth_strategies (org_id, display_name, seq);
CREATE INDEX application_auth_strategies_type ON application_auth_strategies (org_id, strategy_type, seq);
CREATE INDEX application_auth_strategies_provider ON application_auth_strategies (org_id, dcr_provider_id, seq, id);
CREATE INDEX application_auth_strategies_provider_name ON application_auth_strategies (org_id, dcr_provider_name, seq);
CREATE INDEX application_auth_strategies_provider_type ON application_auth_strategies (org_id, dcr_provider_type, seq);
CREATE INDEX application_auth_strategies_created ON application_auth_strategies (org_id, created_at, seq);
CREATE INDEX application_auth_strategies_updated ON application_auth_strategies (org_id, updated_at, seq);

-- Searched and counted as users are.
CREATE VIRTUAL TABLE application_auth_strategies_search USING fts5 (
    search, content = 'application_auth_strategies', content_rowid = 'seq', tokenize = 'trigram case_sensitive 1',
    detail = none, columnsize = 0
);
CREATE TRIGGER application_auth_strategies_search_insert AFTER INSERT ON application_auth_strategies BEGIN
    INSERT INTO application_auth_strategies_search (rowid, search) VALUES (NEW.seq, NEW.search);
END;
CREATE TRIGGER application_auth_strategies_search_delete AFTER DELETE ON application_auth_strategies BEGIN
    INSERT INTO application_auth_strategies_search (application_auth_strategies_search, rowid, search)
    VALUES ('delete', OLD.seq, OLD.search);
END;
CREATE TRIGGER application_auth_strategies_search_update AFTER UPDATE OF search ON application_auth_strategies
WHEN OLD.search <> NEW.search BEGIN
    INSERT INTO application_auth_strategies_search (application_auth_strategies_search, rowid, search)
    VALUES ('delete', OLD.seq, OLD.search);
    INSERT INTO application_auth_strategies_search (rowid, search) VALUES (NEW.seq, NEW.search);
END;
INSERT INTO list_closed (collection, chunk) VALUES ('application_auth_strategies', 9007199254740991);
CREATE TRIGGER application_auth_strategies_counted AFTER INSERT ON application_auth_strategies BEGIN
    INSERT INTO list_chunks (org_id, collection, chunk, n)
    VALUES (NEW.org_id, 'application_auth_strategies', NEW.seq >> 10, 1)
    ON CONFLICT (org_id, collection, chunk) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER application_auth_strategies_uncounted AFTER DELETE ON application_auth_strategies BEGIN
    UPDATE list_chunks SET n = n - 1
    WHERE org_id = OLD.org_id AND collection = 'application_auth_strategies' AND chunk = OLD.seq >> 10;
END;

-- What uses a strategy; `label` is what people know it by. Written in the transaction of whatever begins or
-- ceases to use one. While a row is there the strategy cannot be deleted; if one is published it is active.
CREATE TABLE strategy_uses (
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    strategy_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    used_by BLOB NOT NULL,
    published BOOLEAN NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (org_id, strategy_id, kind, used_by),
    FOREIGN KEY (org_id, strategy_id) REFERENCES application_auth_strategies (org_id, id)
) WITHOUT ROWID;
CREATE INDEX strategy_uses_user ON strategy_uses (org_id, kind, used_by);
CREATE INDEX strategy_uses_published ON strategy_uses (org_id, strategy_id, published);
