//! Stories: each reads like a user's afternoon.

mod teams;
