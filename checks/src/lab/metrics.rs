//! What servers say at `/metrics`: single numbers out of it, and all of it, of all servers in one page.

use std::collections::BTreeMap;

use raftlab_node::chaos::FaultCount;

/// The value of the only metric of this name, without what is behind it.
pub fn value(page: &str, name: &str) -> Option<f64> {
    let line = page.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// All values of a metric that has labels, each with them.
pub fn values<'a>(page: &'a str, name: &'a str) -> impl Iterator<Item = (Labels<'a>, f64)> + 'a {
    page.lines().filter_map(move |line| {
        let (labels, value) = line.strip_prefix(name)?.strip_prefix('{')?.rsplit_once('}')?;
        Some((Labels(labels), value.trim().parse().ok()?))
    })
}

/// What stands between the braces of a metric.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a>(&'a str);

impl<'a> Labels<'a> {
    /// What the label of this name says. Names of servers and kinds hold no quotes.
    pub fn get(self, label: &str) -> Option<&'a str> {
        let mut said = self.0.split(',').filter_map(|pair| pair.split_once('='));
        said.find(|(name, _)| *name == label).map(|(_, value)| value.trim_matches('"'))
    }
}

/// How often each fault has struck.
pub fn fired(page: &str) -> Vec<FaultCount> {
    let count = |line: &str| {
        let (fault, fired) = line.strip_prefix("raftlab_faults_fired_total{fault=\"")?.split_once("\"}")?;
        Some(FaultCount { fault: fault.to_string(), fired: fired.trim().parse().ok()? })
    };
    page.lines().filter_map(count).collect()
}

/// The pages of several servers in one: what is said of a metric once, then its values of each, with a label `instance`:
/// Prometheus' own for whom it scraped.
pub fn together(pages: &BTreeMap<String, String>) -> String {
    let (mut order, mut families) = (Vec::new(), BTreeMap::<String, (String, String)>::new());
    for (server, page) in pages {
        let mut family = String::new();
        for line in page.lines().filter(|line| *line != "# EOF") {
            if let Some(said) = line.strip_prefix("# ") {
                family = said.split(' ').nth(1).unwrap_or_default().to_string();
                if !families.contains_key(&family) {
                    order.push(family.clone());
                }
                let (about, _) = families.entry(family.clone()).or_default();
                if !about.lines().any(|known| known == line) {
                    about.extend([line, "\n"]);
                }
            } else if !line.is_empty() {
                let (_, values) = families.entry(family.clone()).or_default();
                values.extend([&labelled(line, server), "\n"]);
            }
        }
    }
    let written = order.iter().filter_map(|family| families.get(family));
    let text: String = written.flat_map(|(about, values)| [about.as_str(), values]).collect();
    text + "# EOF\n"
}

/// What [`together`] has put into one page, apart again: the page of each server. A page without the label is of one
/// server, whose name is not known.
pub fn apart(page: &str) -> Vec<(Option<String>, String)> {
    let mut pages = BTreeMap::<Option<String>, String>::new();
    for line in page.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (server, line) = unlabelled(line);
        pages.entry(server).or_default().extend([line.as_str(), "\n"]);
    }
    pages.into_iter().collect()
}

/// `name{instance="n1",a="b"} 1` without its first label, if that says whose it is, and what it says.
fn unlabelled(line: &str) -> (Option<String>, String) {
    let labelled = line.split_once("{instance=\"").and_then(|(name, rest)| {
        let (server, rest) = rest.split_once('"')?;
        Some((name, server, rest))
    });
    let Some((name, server, rest)) = labelled else { return (None, line.to_string()) };
    let line = match rest.strip_prefix(',') {
        Some(labels) => format!("{name}{{{labels}"),
        None => format!("{name}{}", rest.trim_start_matches('}')),
    };
    (Some(server.to_string()), line)
}

/// `name{a="b"} 1` with a label more.
fn labelled(line: &str, server: &str) -> String {
    let (name, value) = line.split_at(line.find(['{', ' ']).unwrap_or(line.len()));
    match value.strip_prefix('{') {
        Some(labels) => format!("{name}{{instance=\"{server}\",{labels}"),
        None => format!("{name}{{instance=\"{server}\"}}{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# HELP raftlab_term The term.\n# TYPE raftlab_term gauge\nraftlab_term 3\n\
        # TYPE raftlab_faults_fired counter\nraftlab_faults_fired_total{fault=\"link_cut\"} 12\n\
        raftlab_faults_fired_total{fault=\"pause\"} 0\n# EOF\n";

    #[test]
    fn a_number_is_found_by_its_whole_name() {
        assert_eq!(value(PAGE, "raftlab_term"), Some(3.0));
        assert_eq!(value(PAGE, "raftlab_ter"), None);
        let fired = fired(PAGE);
        assert_eq!((fired[0].fault.as_str(), fired[0].fired, fired.len()), ("link_cut", 12, 2));
    }

    #[test]
    fn pages_are_one_with_a_label_more() {
        let pages = ["n1", "n2"].map(|server| (server.to_string(), PAGE.to_string()));
        let page = together(&BTreeMap::from(pages));
        let begins = "# HELP raftlab_term The term.\n# TYPE raftlab_term gauge\nraftlab_term{instance=\"n1\"} 3\n\
            raftlab_term{instance=\"n2\"} 3\n";
        assert!(page.starts_with(begins), "{page}");
        assert!(page.contains("raftlab_faults_fired_total{instance=\"n2\",fault=\"link_cut\"} 12\n"));
        assert_eq!(page.matches("# TYPE raftlab_faults_fired ").count(), 1);
        assert!(page.ends_with("0\n# EOF\n"));
        // A label that servers give themselves stays what it is.
        let member = "raftlab_member{server=\"n3\",standing=\"voter\"} 1";
        let pages = BTreeMap::from([("n1".to_string(), format!("# TYPE raftlab_member gauge\n{member}\n"))]);
        assert_eq!(apart(&together(&pages)), [(Some("n1".to_string()), format!("{member}\n"))]);
        assert_eq!(apart(member), [(None, format!("{member}\n"))]);
    }
}
