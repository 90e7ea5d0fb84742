//! Every operation against every poison: each must be refused clearly, by a problem document in the
//! wording of the operation's family, and none may write anything.

mod bodies;
mod fields;
mod framing;
mod methods;
mod paths;
mod queries;
mod spoil;
mod wordings;
