//! What journals prove, and what they do not: servers in virtual time record, and validation passes them; then
//! something is changed, in the journals or in the servers, and it is found.

mod command;
mod forge;
mod hand;
mod measure;
mod memory;
mod passes;
mod tampering;
mod traces;
mod weakened;
mod world;
