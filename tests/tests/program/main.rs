//! The real program, as an operator meets it: its first start, its configuration, its commands, its end.

mod binary;
mod configuration;
mod doctor;
mod faults;
mod first_start;
mod gateway;
mod keys;
mod killing;
mod log;
mod marketplace;
mod operator;
mod stand_in;
mod stopping;
mod writers;
