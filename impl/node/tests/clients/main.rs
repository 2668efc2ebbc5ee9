//! Clients against servers that break off, change their mind and fall silent.

mod client;
mod stub;
