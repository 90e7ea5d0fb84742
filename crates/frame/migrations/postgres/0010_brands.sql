-- What pages show in the context of an organization; without it, the installation's.
ALTER TABLE organizations ADD COLUMN brand_name TEXT COLLATE "C";
ALTER TABLE organizations ADD COLUMN brand_color TEXT COLLATE "C";
