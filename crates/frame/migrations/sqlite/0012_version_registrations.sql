-- An application is registered for an API, or for a version of a product. What these and the application are called is
-- read beside it, and repeated no longer. The table is made anew, since a column cannot lose its NOT NULL here.
CREATE TABLE registrations_of_both (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    portal_id BLOB NOT NULL,
    application_id BLOB NOT NULL,
    api_id BLOB,
    product_version_id BLOB,
    status TEXT NOT NULL,
    status_folded TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK ((api_id IS NULL) <> (product_version_id IS NULL)),
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, application_id, api_id),
    UNIQUE (org_id, application_id, product_version_id),
    FOREIGN KEY (org_id, application_id) REFERENCES applications (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, api_id) REFERENCES apis (org_id, id),
    FOREIGN KEY (org_id, product_version_id) REFERENCES product_versions (org_id, id)
);
INSERT INTO registrations_of_both (seq, org_id, id, portal_id, application_id, api_id, status, status_folded, created_at,
    updated_at)
SELECT seq, org_id, id, portal_id, application_id, api_id, status, status_folded, created_at, updated_at
FROM application_registrations;
DROP TABLE application_registrations;
ALTER TABLE registrations_of_both RENAME TO application_registrations;
CREATE INDEX application_registrations_api ON application_registrations (org_id, api_id, portal_id);
CREATE INDEX application_registrations_version ON application_registrations (org_id, product_version_id, portal_id);
-- Lists show one kind alone.
CREATE INDEX application_registrations_portal_apis ON application_registrations (org_id, portal_id, seq)
    WHERE api_id IS NOT NULL;
CREATE INDEX application_registrations_portal_versions ON application_registrations (org_id, portal_id, seq)
    WHERE product_version_id IS NOT NULL;
CREATE INDEX application_registrations_application_apis ON application_registrations (org_id, application_id, seq)
    WHERE api_id IS NOT NULL;
CREATE INDEX application_registrations_application_versions ON application_registrations (org_id, application_id, seq)
    WHERE product_version_id IS NOT NULL;

-- As of an API's link: a service that was guarded once stays closed while its version is published nowhere.
ALTER TABLE product_versions ADD COLUMN guarded BOOLEAN NOT NULL DEFAULT false;
UPDATE product_versions SET guarded = EXISTS (SELECT 1 FROM portal_product_versions p WHERE p.org_id = product_versions.org_id
    AND p.product_version_id = product_versions.id AND p.publish_status = 'published' AND p.strategy_id IS NOT NULL);
