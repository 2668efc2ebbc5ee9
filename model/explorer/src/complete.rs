//! Any actor model, with a state whose hash covers all that its equality compares.
