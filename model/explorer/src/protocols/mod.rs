//! Protocols that users of stateright know, rewritten: models to compare engines with.
