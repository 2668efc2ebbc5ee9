//! Clients against servers that break off, change their mind and fall silent.

mod client;
mod ctl;
mod load;
mod stub;
