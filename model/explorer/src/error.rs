//! Why a model cannot be explored.

/// A fault of the model, or of what was asked, that would make an exploration wrong. None is ever explored over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An `eventually` property.
    #[error(
        "`{0}` is an `eventually` property: whether it holds depends on the cycles of the state space, which a search by \
         states does not see. State it as `always` (what must never be) or `sometimes` (what must be reachable)"
    )]
    Eventually(&'static str),
    /// Too many properties.
    #[error("{0} properties: at most {max} can be judged at once", max = crate::property::MAX)]
    TooManyProperties(usize),
    /// Too many actors.
    #[error("{0} actors: at most {max} fit in a state", max = crate::search::ACTORS_MAX)]
    TooManyActors(usize),
    /// Two states of an actor are different, and have one hash.
    #[error(
        "`Hash` of an actor's state loses something that `PartialEq` sees. Of one hash are\n  {0}\nand\n  {1}"
    )]
    HashLoses(String, String),
    /// Two states of an actor are equal, and have two hashes.
    #[error(
        "`Hash` of an actor's state sees something that `PartialEq` does not: equal states have different hashes\n  {0}"
    )]
    HashAdds(String),
    /// Two messages, or two actors with what is kept for them, are different and have one hash.
    #[error("`Hash` of a {0} loses something that `PartialEq` sees. Of one hash are\n  {1}\nand\n  {2}")]
    PartHashLoses(&'static str, String, String),
    /// An actor did two things in one situation.
    #[error(
        "an actor is not deterministic: {0} was taken twice in one state, with different results. The state was\n  {1}"
    )]
    NotDeterministic(String, String),
    /// A permutation of the system is not a symmetry.
    #[error("the actors are not interchangeable as the system says: {0}")]
    NotSymmetric(String),
    /// Code of the model panicked where no path can be shown that leads there: in the initial state, or in a
    /// judgement of a part of a state. What panics in a handler, or in a judgement of a whole state, is a
    /// [`Discovery`](crate::Discovery).
    #[error("the model's code panicked outside of any step that could be shown: {0}")]
    Panicked(String),
    /// A checkpoint could not be written, or read.
    #[error("checkpoint {0}: {1}")]
    Checkpoint(String, String),
    /// What did not fit into memory could not be written to disk, or read back; or was not to be.
    #[error("spilling over to {0}: {1}")]
    Spill(String, String),
    /// Processes cannot explore together, or not any more.
    #[error("exploring with other processes: {0}")]
    Cluster(String),
    /// What was found is not found again when the actors take the way there. The explorer's tables are wrong, or two
    /// contents have one 128-bit hash.
    #[error("a discovery was not confirmed by the actors themselves: {0}")]
    Unconfirmed(String),
}

impl Error {
    pub(crate) fn spill(directory: &std::path::Path, fault: &std::io::Error) -> Error {
        let what_helps = match fault.kind() {
            std::io::ErrorKind::StorageFull => "; a disk with more room, or more memory, goes further",
            _ => "",
        };
        Error::Spill(directory.display().to_string(), format!("{fault}{what_helps}"))
    }
}
