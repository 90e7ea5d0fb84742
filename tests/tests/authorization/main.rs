//! Who may do what: every operation as every kind of caller against a hand-written table, organizations
//! against each other, and how permissions come and go.

mod bodies;
mod callers;
mod entity_roles;
mod escalation;
mod objects;
mod operations;
mod platform_scope;
mod requests;
mod sharing;
mod table;
mod tenancy;
