-- An application is registered for an API, or for a version of a product. What these and the application are called is
-- read beside it, and repeated no longer.
ALTER TABLE application_registrations ALTER COLUMN api_id DROP NOT NULL;
ALTER TABLE application_registrations DROP COLUMN application_name, DROP COLUMN application_name_folded,
    DROP COLUMN developer_id, DROP COLUMN api_name, DROP COLUMN api_name_folded;
ALTER TABLE application_registrations ADD COLUMN product_version_id UUID;
ALTER TABLE application_registrations ADD CHECK ((api_id IS NULL) <> (product_version_id IS NULL));
ALTER TABLE application_registrations ADD UNIQUE (org_id, application_id, product_version_id);
ALTER TABLE application_registrations ADD FOREIGN KEY (org_id, product_version_id) REFERENCES product_versions (org_id, id);
DROP INDEX application_registrations_portal;
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
