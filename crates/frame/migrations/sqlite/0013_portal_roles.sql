-- What the members of a team may do with an API or a product, where a portal asks for roles. Whoever deletes the API or
-- the product deletes these first.
CREATE TABLE portal_team_roles (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id BLOB NOT NULL REFERENCES organizations (org_id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    team_id BLOB NOT NULL,
    role_name TEXT NOT NULL,
    entity_id BLOB NOT NULL,
    entity_region TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (org_id, seq),
    UNIQUE (org_id, id),
    UNIQUE (org_id, team_id, entity_id, role_name, entity_region),
    FOREIGN KEY (org_id, team_id) REFERENCES portal_teams (org_id, id) ON DELETE CASCADE
);
CREATE INDEX portal_team_roles_team ON portal_team_roles (org_id, team_id, seq);
CREATE INDEX portal_team_roles_entity ON portal_team_roles (org_id, entity_id);
