//! The vocabulary of Latchkey: ids, time, secrets, tokens, KRNs, labels, pages, filters, problems.
//!
//! Pure: nothing here reads a clock, a socket, a file or a database, and nothing is asynchronous.

pub mod body;
pub mod email;
pub mod id;
pub mod json;
pub mod krn;
pub mod labels;
pub mod patch;
pub mod problem;
pub mod query;
pub mod rules;
pub mod secret;
pub mod time;
pub mod token;

pub use body::{Body, Draft, Fields};
pub use email::Email;
pub use id::{
    ApiId, ApplicationId, AssignmentId, BridgeKeyId, CredentialId, DcrProviderId, DeveloperId, Id,
    IdentityProviderId, ImplementationId, MappingId, OrgId, PersonId, PortalId, PortalProductVersionId,
    PortalTeamId, ProductId, ProductVersionId, RegistrationId, StrategyId, SystemAccountId, TeamId, TokenId,
    UserId,
};
pub use krn::{Action, Actions, Grant, Krn, Permissions, Reach};
pub use labels::{Labels, LabelsPatch};
pub use patch::Patch;
pub use problem::{Family, Fault, Invalid, Problem, Result, Source};
pub use secret::{Sealed, Secret};
pub use time::{Clock, Duration, Timestamp, WallClock};
pub use token::{Token, TokenHash, TokenKind};
