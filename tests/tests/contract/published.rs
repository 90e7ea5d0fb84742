//! The published documents and the copy of their facts that is committed here.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::document::Facts;

/// A published document that the server follows.
pub struct Published {
    /// The file of the document, as it is published.
    pub file: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// The committed file of facts.
    pub copy: &'static str,
    /// The operations that count; all of them if `None`.
    only: Option<&'static [&'static str]>,
    /// The operations that have another id here, since another document has the same: published, and served.
    renamed: &'static [(&'static str, &'static str)],
}

/// The documents that the server follows.
pub const DOCUMENTS: [Published; 7] = [
    Published {
        file: "identity-v3.yaml",
        title: "Identity",
        copy: "identity.json",
        only: None,
        renamed: &[],
    },
    Published {
        file: "organizations-v3.yaml",
        title: "Organizations",
        copy: "organizations.json",
        only: None,
        renamed: &[],
    },
    Published {
        file: "audit-logs-v3.yaml",
        title: "Audit logs",
        copy: "audit-logs.json",
        only: Some(&["get-audit-logs"]),
        renamed: &[],
    },
    Published {
        file: "application-auth-strategies-v2.yaml",
        title: "Application Auth Strategies",
        copy: "application-auth-strategies.json",
        only: None,
        renamed: &[],
    },
    Published {
        file: "portal-management-v3.yaml",
        title: "Portal Management v3,",
        copy: "portals.json",
        only: Some(&PORTALS),
        renamed: &[],
    },
    Published {
        file: "dev-portal-v3.yaml",
        title: "Developer portal",
        copy: "developers.json",
        only: Some(&DEVELOPERS),
        renamed: &[
            ("logout", "developer-logout"),
            ("list-apis", "developer-list-apis"),
            ("fetch-api", "developer-fetch-api"),
            ("list-applications", "developer-list-applications"),
            ("create-application", "developer-create-application"),
            ("get-application", "developer-get-application"),
            ("update-application", "developer-update-application"),
            ("delete-application", "developer-delete-application"),
            ("list-application-registrations", "developer-list-application-registrations"),
            ("create-application-registration", "developer-create-application-registration"),
            ("get-application-registration", "developer-get-application-registration"),
            ("delete-application-registration", "developer-delete-application-registration"),
        ],
    },
    Published {
        file: "portal-management-v2.yaml",
        title: "Portal Management v2,",
        copy: "portals-v2.json",
        only: Some(&OLDER),
        renamed: &[
            ("list-portals", "list-portals-v2"),
            ("create-portal", "create-portal-v2"),
            ("get-portal", "get-portal-v2"),
            ("update-portal", "update-portal-v2"),
            ("delete-portal", "delete-portal-v2"),
            ("list-applications", "list-applications-v2"),
            ("get-application", "get-application-v2"),
            ("get-application-unscoped", "get-application-unscoped-v2"),
            ("delete-application", "delete-application-v2"),
            ("list-portal-developers", "list-portal-developers-v2"),
            ("get-developer", "get-developer-v2"),
            ("update-developer", "update-developer-v2"),
            ("delete-developer", "delete-developer-v2"),
            ("list-registrations", "list-registrations-v2"),
            ("list-registrations-by-application", "list-registrations-by-application-v2"),
            ("get-application-registration", "get-application-registration-v2"),
            ("update-application-registration", "update-application-registration-v2"),
            ("delete-application-registration", "delete-application-registration-v2"),
        ],
    },
];

/// Of all that is published of portals: the portals themselves, their developers and teams
/// of these, and what applications need.
const PORTALS: [&str; 37] = [
    "list-portal-roles",
    "list-portal-team-roles",
    "assign-role-to-portal-teams",
    "remove-role-from-portal-team",
    "list-portals",
    "create-portal",
    "get-portal",
    "update-portal",
    "delete-portal",
    "create-developer",
    "list-portal-developers",
    "get-developer",
    "update-developer",
    "delete-developer",
    "list-portal-teams",
    "create-portal-team",
    "get-portal-team",
    "update-portal-team",
    "delete-portal-team",
    "list-portal-team-developers",
    "add-developer-to-portal-team",
    "remove-developer-from-portal-team",
    "list-portal-developer-teams",
    "create-application",
    "list-applications",
    "get-application",
    "get-application-unscoped",
    "update-application",
    "delete-application",
    "list-credentials-by-application",
    "list-developers-by-application",
    "list-registrations",
    "list-registrations-by-application",
    "create-application-registration",
    "get-application-registration",
    "update-application-registration",
    "delete-application-registration",
];

/// Of all that is published for developers: how they come by an account, sign in, see their teams, and make applications.
const DEVELOPERS: [&str; 32] = [
    "get-api-applications",
    "get-api-actions",
    "register",
    "verify-email",
    "forgot-password",
    "reset-password",
    "authenticate",
    "refresh",
    "logout",
    "get-developer-me",
    "get-portal-context",
    "get-developer-teams",
    "get-developer-team",
    "get-developer-team-developers",
    "list-apis",
    "fetch-api",
    "list-application-auth-strategies",
    "list-applications",
    "create-application",
    "get-application",
    "update-application",
    "delete-application",
    "list-credentials",
    "create-credential",
    "update-credential",
    "delete-credential",
    "get-application-granted-scopes",
    "regenerate-application-secret",
    "list-application-registrations",
    "create-application-registration",
    "get-application-registration",
    "delete-application-registration",
];

/// The same in the older version, products and their versions in portals, and applications.
const OLDER: [&str; 27] = [
    "list-portals",
    "create-portal",
    "get-portal",
    "update-portal",
    "delete-portal",
    "list-portal-product-versions",
    "create-portal-product-version",
    "get-portal-product-version",
    "replace-portal-product-version",
    "update-portal-product-version",
    "delete-portal-product-version",
    "publish-api-products",
    "list-portal-products",
    "list-applications",
    "get-application",
    "get-application-unscoped",
    "delete-application",
    "list-registrations",
    "list-registrations-by-application",
    "get-application-registration",
    "update-application-registration",
    "delete-application-registration",
    "list-granted-scopes",
    "list-portal-developers",
    "get-developer",
    "update-developer",
    "delete-developer",
];

/// The folder of the committed files.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contract")
}

/// Reads a file, and says which one if that fails.
pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

impl Published {
    /// The facts of the document in a folder of published documents.
    pub fn extract(&self, folder: &Path) -> Facts {
        let path = folder.join(self.file);
        let document: Value = serde_norway::from_str(&read(&path))
            .unwrap_or_else(|error| panic!("{} is no YAML: {error}", path.display()));
        let mut facts = Facts::read(&document, self.only);
        for (id, operation) in &mut facts.operations {
            assert!(
                operation.unread.is_empty(),
                "{id} uses keywords that are not read: {:?}",
                operation.unread
            );
            // The descriptions of roles are declared as constants. They are prose all the same.
            if id == "get-predefined-roles" {
                let shapes = operation.responses.values_mut().flat_map(|it| it.values_mut());
                shapes.for_each(|it| it.forget_values_of("description"));
            }
        }
        facts
    }

    /// The facts as committed, with the ids that are served.
    pub fn committed(&self) -> Facts {
        let mut facts = Facts::read(&self.committed_json(), None);
        for (published, served) in self.renamed {
            let operation = facts.operations.remove(*published);
            let operation = operation.unwrap_or_else(|| panic!("{} has no {published}", self.copy));
            facts.operations.insert((*served).to_owned(), operation);
        }
        facts
    }

    /// The committed file.
    pub fn committed_json(&self) -> Value {
        let path = folder().join(self.copy);
        serde_json::from_str(&read(&path))
            .unwrap_or_else(|error| panic!("{} is no JSON: {error}", path.display()))
    }
}

/// Writes JSON in lines that make readable diffs: containers are spread over lines down to a
/// depth and stand on one line below it.
pub fn in_lines(value: &Value) -> String {
    let mut text = String::new();
    spread(value, 0, &mut text);
    text.push('\n');
    text
}

/// Down to the parameters, the request body and the responses of an operation.
const DEPTH: usize = 5;

fn spread(value: &Value, depth: usize, text: &mut String) {
    let pad = "  ".repeat(depth + 1);
    let (open, close, entries): (_, _, Vec<(String, &Value)>) = match value {
        Value::Object(map) if depth < DEPTH && !map.is_empty() => {
            let key = |key: &String| format!("{}: ", Value::String(key.clone()));
            ('{', '}', map.iter().map(|(name, value)| (key(name), value)).collect())
        }
        Value::Array(items) if depth < DEPTH && !items.is_empty() => {
            ('[', ']', items.iter().map(|value| (String::new(), value)).collect())
        }
        _ => return text.push_str(&value.to_string()),
    };
    text.push(open);
    for (index, (key, value)) in entries.into_iter().enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.push_str(&pad);
        text.push_str(&key);
        spread(value, depth + 1, text);
    }
    text.push('\n');
    text.push_str(&pad[2..]);
    text.push(close);
}
