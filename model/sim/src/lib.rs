//! A world in virtual time, drawn from a seed, around the node that real processes are made of.
