//! Resources, actions and what a principal may do with them.
//!
//! A KRN names a resource: `krn:<service>:reg/<region>:org/<organization>:<path>`, where the path
//! alternates kinds and ids: `teams/7f9f…/assigned-roles/*`. The contract's own sample is
//! `krn:accounts:reg/*:org/<id>` with the action `#root`, for organization administrators.

use std::{fmt, sync::Arc};

use crate::{OrgId, TeamId};

/// Declares the actions, their bits and their names.
macro_rules! actions {
    ($($variant:ident = $name:literal,)*) => {
        /// Something that can be done to a resource.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the names are the catalogue's words")]
        pub enum Action { $($variant,)* }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word for it in the role catalogue.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

actions! {
    Create = "create", Read = "read", List = "list", Edit = "edit", Delete = "delete",
    Revoke = "revoke", Connect = "connect", Deploy = "deploy", Undeploy = "undeploy",
    Publish = "publish", Attach = "attach", Ingest = "ingest", Query = "query",
    Archive = "archive", Migrate = "migrate", Trigger = "trigger", Preview = "preview",
    Share = "share", Test = "test", Add = "add", Remove = "remove",
    GrantApiAccess = "grant-api-access",
}

impl Action {
    /// The action with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.name() == name)
    }

    /// The word for it in a KRN permission list, where reading is called `#retrieve`.
    pub fn tag(self) -> String {
        let name = if self == Self::Read { "retrieve" } else { self.name() };
        format!("#{name}")
    }
}

/// A set of actions.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Actions(u32);

impl Actions {
    /// Every action (`#root`).
    pub const ROOT: Self = Self(u32::MAX);
    /// Looking only (`#root-readonly`).
    pub const ROOT_READONLY: Self = Self(1 << Action::Read as u32 | 1 << Action::List as u32);

    /// Whether the action is in the set.
    pub const fn contains(self, action: Action) -> bool {
        self.0 & (1 << action as u32) != 0
    }

    /// Both sets.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Action> for Actions {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        actions.into_iter().fold(Self::default(), |set, action| Self(set.0 | 1 << action as u32))
    }
}

/// A named resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Krn {
    /// The service that owns it, e.g. `identity`.
    pub service: &'static str,
    /// Its region, or `*`.
    pub region: String,
    /// Its organization.
    pub org: OrgId,
    /// Kinds and ids; empty for the organization itself.
    pub path: String,
}

impl fmt::Display for Krn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "krn:{}:reg/{}:org/{}", self.service, self.region, self.org)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, ":{}", self.path) }
    }
}

/// How a grant reached its holder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Via {
    /// Assigned to the holder.
    Direct,
    /// Through membership of a team.
    Team(TeamId),
}

/// One thing that a principal may do: actions on a resource pattern in a region.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The role that gives it, for explanations.
    pub role: Arc<str>,
    /// How it came.
    pub via: Via,
    /// The region, or `*`.
    pub region: Arc<str>,
    /// The resource pattern: `control-planes/<id or *>/certificates/*`; a last `**` matches any
    /// rest, the empty pattern everything.
    pub pattern: Arc<str>,
    /// What may be done.
    pub actions: Actions,
}

impl Grant {
    fn holds(&self, action: Action, region: &str) -> bool {
        self.actions.contains(action) && (&*self.region == "*" || &*self.region == region)
    }

    fn covers(&self, action: Action, region: &str, path: &str) -> bool {
        self.holds(action, region) && matches(&self.pattern, path)
    }

    /// The one entity of a kind that the grant is on.
    fn entity(&self, kind: &str) -> Option<&str> {
        let rest = self.pattern.strip_prefix(kind)?.strip_prefix('/')?;
        let id = rest.strip_suffix("/**").unwrap_or(rest);
        (!id.contains('/')).then_some(id)
    }
}

/// Which entities of a kind something is allowed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reach<'p> {
    /// Every one.
    All,
    /// Those with these ids; perhaps none.
    Only(Vec<&'p str>),
}

/// Whether a pattern covers a path, segment by segment; the numbers of segments must agree unless
/// the pattern ends in `**`.
pub fn matches(pattern: &str, path: &str) -> bool {
    if pattern.is_empty() {
        return true;
    }
    let mut wanted = pattern.split('/');
    let mut given = path.split('/');
    loop {
        match (wanted.next(), given.next()) {
            (Some("**"), _) | (None, None) => return true,
            (Some(want), Some(got)) if want == "*" || want == got => {}
            _ => return false,
        }
    }
}

/// All that a principal may do, resolved once and shared.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    grants: Arc<[Grant]>,
}

impl Permissions {
    /// The resolved grants of a principal.
    pub fn new(mut grants: Vec<Grant>) -> Self {
        grants.sort_by(|a, b| a.pattern.cmp(&b.pattern).then_with(|| a.region.cmp(&b.region)));
        grants.dedup();
        Self { grants: grants.into() }
    }

    /// The grant that allows this, if one does. Additive: there is no deny.
    pub fn explain(&self, action: Action, region: &str, path: &str) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.covers(action, region, path))
    }

    /// Whether this is allowed.
    pub fn allows(&self, action: Action, region: &str, path: &str) -> bool {
        self.explain(action, region, path).is_some()
    }

    /// The entities of a kind, e.g. `dcr-providers`, that this is allowed on.
    pub fn reach(&self, action: Action, region: &str, kind: &str) -> Reach<'_> {
        if self.allows(action, region, &format!("{kind}/*")) {
            return Reach::All;
        }
        let allowed = self.grants.iter().filter(|grant| grant.holds(action, region));
        let mut ids: Vec<&str> = allowed.filter_map(|grant| grant.entity(kind)).collect();
        ids.sort_unstable();
        ids.dedup();
        Reach::Only(ids)
    }

    /// Whether the principal administers the whole organization.
    pub fn is_admin(&self) -> bool {
        self.has_root(Actions::ROOT)
    }

    /// Whether the principal may look at the whole organization.
    pub fn sees_all(&self) -> bool {
        self.has_root(Actions::ROOT_READONLY)
    }

    fn has_root(&self, actions: Actions) -> bool {
        self.grants
            .iter()
            .any(|g| g.pattern.is_empty() && &*g.region == "*" && g.actions.or(actions) == g.actions)
    }

    /// Every grant.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grant(pattern: &str, region: &str, actions: &[Action]) -> Grant {
        Grant {
            role: "Test".into(),
            via: Via::Direct,
            region: region.into(),
            pattern: pattern.into(),
            actions: actions.iter().copied().collect(),
        }
    }

    #[test]
    fn a_pattern_matches_segment_by_segment() {
        for (pattern, path, expected) in [
            ("", "anything/at/all", true),
            ("teams/*", "teams/1", true),
            ("teams/*", "teams", false),
            ("teams/*", "teams/1/users/2", false),
            ("teams/1", "teams/2", false),
            ("control-planes/1/**", "control-planes/1/routes/9", true),
            ("control-planes/1/**", "control-planes/2/routes/9", false),
            ("control-planes/*/routes/*", "control-planes/2/routes/9", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn roles_add_up_and_regions_hold() {
        let permissions = Permissions::new(vec![
            grant("control-planes/1", "eu", &[Action::Read]),
            grant("control-planes/1", "eu", &[Action::Edit]),
        ]);
        assert!(permissions.allows(Action::Read, "eu", "control-planes/1"));
        assert!(permissions.allows(Action::Edit, "eu", "control-planes/1"));
        assert!(!permissions.allows(Action::Delete, "eu", "control-planes/1"));
        assert!(!permissions.allows(Action::Read, "us", "control-planes/1"));
        assert!(!permissions.allows(Action::Read, "eu", "control-planes/2"));
    }

    #[test]
    fn a_role_on_some_entities_reaches_those() {
        let permissions = Permissions::new(vec![
            grant("things/b", "eu", &[Action::List]),
            grant("things/a/**", "*", &[Action::List]),
            grant("things/a", "*", &[Action::List, Action::Edit]),
            grant("things/c/parts/*", "*", &[Action::List]),
            grant("things/d", "us", &[Action::List]),
            grant("others/e", "*", &[Action::List]),
        ]);
        let reach = |action| permissions.reach(action, "eu", "things");
        assert_eq!(reach(Action::List), Reach::Only(vec!["a", "b"]));
        assert_eq!(reach(Action::Edit), Reach::Only(vec!["a"]));
        assert_eq!(reach(Action::Delete), Reach::Only(vec![]));
        let all = Permissions::new(vec![grant("things/*", "eu", &[Action::List])]);
        assert_eq!(all.reach(Action::List, "eu", "things"), Reach::All);
        assert_eq!(all.reach(Action::List, "us", "things"), Reach::Only(vec![]));
    }

    #[test]
    fn read_only_root_only_looks() {
        let mut root = grant("", "*", &[]);
        root.actions = Actions::ROOT_READONLY;
        let permissions = Permissions::new(vec![root]);
        assert!(permissions.sees_all() && !permissions.is_admin());
        assert!(permissions.allows(Action::List, "*", "teams/*"));
        assert!(!permissions.allows(Action::Edit, "*", "teams/1"));
    }

    proptest! {
        #[test]
        fn without_a_star_a_pattern_matches_only_itself(a in "[a-z]{1,3}(/[a-z]{1,3}){0,3}", b in "[a-z]{1,3}(/[a-z]{1,3}){0,3}") {
            prop_assert_eq!(matches(&a, &b), a == b);
        }
    }
}
