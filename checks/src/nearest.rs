//! The names that someone who mistyped probably meant.

/// At most three of `names`, the nearest first; all are near enough to be meant.
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let typed = typed.to_lowercase();
    let mut near: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&typed, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.6)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// "… is not a `kind`; did you mean …?", for an error that a person reads.
pub fn unknown<'a>(kind: &str, typed: &str, names: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let near = nearest(typed, names.clone());
    if near.is_empty() {
        let all: Vec<_> = names.into_iter().collect();
        return format!("`{typed}` is not a {kind}: there are {}", all.join(", "));
    }
    let near: Vec<_> = near.iter().map(|name| format!("`{name}`")).collect();
    format!("`{typed}` is not a {kind}; did you mean {}?", near.join(", "))
}
