-- Application auth: DCR providers, strategies, and what uses them.
-- An index beside each column that lists are sorted by, with nothing first as there; ids and folded texts are
-- for `contains`.

CREATE TABLE dcr_providers (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id UUID NOT NULL,
    id_folded TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    display_name TEXT COLLATE "C",
    provider_type TEXT COLLATE "C" NOT NULL,
    issuer TEXT COLLATE "C" NOT NULL,
    issuer_folded TEXT COLLATE "C" NOT NULL,
    initial_client_id TEXT COLLATE "C",
    initial_client_id_folded TEXT COLLATE "C",
    initial_client_audience TEXT COLLATE "C",
    initial_client_audience_folded TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    labels TEXT COLLATE "C" NOT NULL,
    config TEXT COLLATE "C" NOT NULL,
    secret BYTEA,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id)
);
CREATE INDEX dcr_providers_name ON dcr_providers (org_id, name NULLS FIRST, seq);
CREATE INDEX dcr_providers_issuer ON dcr_providers (org_id, issuer NULLS FIRST, seq);
CREATE INDEX dcr_providers_type ON dcr_providers (org_id, provider_type NULLS FIRST, seq);
CREATE INDEX dcr_providers_created ON dcr_providers (org_id, created_at NULLS FIRST, seq);
CREATE INDEX dcr_providers_updated ON dcr_providers (org_id, updated_at NULLS FIRST, seq);
CREATE INDEX dcr_providers_client ON dcr_providers (org_id, initial_client_id, seq);
CREATE INDEX dcr_providers_audience ON dcr_providers (org_id, initial_client_audience, seq);

-- `dcr_provider_…` and `multiple_credentials` repeat what a strategy shows of its provider; a change of the
-- provider changes them in the same transaction. `search` has every text that `contains` may look for.
CREATE TABLE application_auth_strategies (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id UUID NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    display_name TEXT COLLATE "C" NOT NULL,
    display_name_folded TEXT COLLATE "C" NOT NULL,
    strategy_type TEXT COLLATE "C" NOT NULL,
    strategy_type_folded TEXT COLLATE "C" NOT NULL,
    dcr_provider_id UUID,
    dcr_provider_name TEXT COLLATE "C",
    dcr_provider_name_folded TEXT COLLATE "C",
    dcr_provider_type TEXT COLLATE "C",
    dcr_provider_type_folded TEXT COLLATE "C",
    dcr_provider_display_name TEXT COLLATE "C",
    multiple_credentials BOOLEAN NOT NULL,
    principals_enabled BOOLEAN NOT NULL,
    search TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    labels TEXT COLLATE "C" NOT NULL,
    configs TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, seq),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, dcr_provider_id) REFERENCES dcr_providers (org_id, id)
);
CREATE INDEX application_auth_strategies_name ON application_auth_strategies (org_id, name NULLS FIRST, seq);
CREATE INDEX application_auth_strategies_display ON application_auth_strategies (org_id, display_name NULLS FIRST, seq);
CREATE INDEX application_auth_strategies_type ON application_auth_strategies (org_id, strategy_type NULLS FIRST, seq);
CREATE INDEX application_auth_strategies_provider ON application_auth_strategies (org_id, dcr_provider_id NULLS FIRST, seq, id);
CREATE INDEX application_auth_strategies_provider_name ON application_auth_strategies (org_id, dcr_provider_name NULLS FIRST, seq);
CREATE INDEX application_auth_strategies_provider_type ON application_auth_strategies (org_id, dcr_provider_type NULLS FIRST, seq);
CREATE INDEX application_auth_strategies_created ON application_auth_strategies (org_id, created_at NULLS FIRST, seq);
CREATE INDEX application_auth_strategies_updated ON application_auth_strategies (org_id, updated_at NULLS FIRST, seq);

-- Searched and counted as users are.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX application_auth_strategies_search ON application_auth_strategies USING gin (search gin_trgm_ops);
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'searching strategies goes without an index: %', SQLERRM;
END $$;
INSERT INTO list_closed (collection, chunk) VALUES ('application_auth_strategies', -1);
CREATE FUNCTION application_auth_strategies_uncounted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE list_chunks SET n = n - 1
    WHERE org_id = OLD.org_id AND collection = 'application_auth_strategies' AND chunk = OLD.seq >> 10;
    RETURN NULL;
END $$;
CREATE TRIGGER application_auth_strategies_uncounted AFTER DELETE ON application_auth_strategies
FOR EACH ROW EXECUTE FUNCTION application_auth_strategies_uncounted();

-- What uses a strategy; `label` is what people know it by. Written in the transaction of whatever begins or
-- ceases to use one. While a row is there the strategy cannot be deleted; if one is published it is active.
CREATE TABLE strategy_uses (
    org_id UUID NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    strategy_id UUID NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    used_by UUID NOT NULL,
    published BOOLEAN NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, strategy_id, kind, used_by),
    FOREIGN KEY (org_id, strategy_id) REFERENCES application_auth_strategies (org_id, id)
);
CREATE INDEX strategy_uses_user ON strategy_uses (org_id, kind, used_by);
CREATE INDEX strategy_uses_published ON strategy_uses (org_id, strategy_id, published);
